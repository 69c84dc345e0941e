using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Tests.Kubeconfig;

/// <summary>Whatever a kubeconfig contains, it is read or refused in one sentence, in bounded time and memory, and its secrets stay in it.</summary>
public sealed class KubeconfigFuzzTests : IDisposable
{
    private const string Secret = "s3cr3t-t0ken";

    private const string Yaml = """
        # comment é😀
        apiVersion: v1
        kind: Config
        current-context: "main"
        preferences: {}
        clusters:
        - name: c
          cluster: &cluster
            server: https://c.test:6443/prefix
            insecure-skip-tls-verify: true
            proxy-url: 'socks5://jane:s3cr3t-t0ken@proxy.test:1080'
            extensions:
            - {name: client.authentication.k8s.io/exec, extension: {a: [1, 0x1F, 1e3, ~, yes], b: *none_yet}}
        - name: d
          cluster:
            <<: *cluster
            server: "https://d.t\u0065st"
        contexts:
        - {name: main, context: {cluster: c, user: u, namespace: team}}
        users:
        - name: u
          user:
            token: s3cr3t-t0ken
            as: jane
            as-groups: [a, "b, c", 'it''s']
            as-user-extra: {reason: [x], ? scope : [z]}
        - name: v
          user:
            exec:
              apiVersion: client.authentication.k8s.io/v1
              command: ./plugin
              interactiveMode: Never
              args: [--flag, "two words"]
              env: [{name: A, value: s3cr3t-t0ken}]
              installHint: |
                first line
                  second line
        - name: w
          user:
            auth-provider:
              name: oidc
              config: {client-id: c, idp-issuer-url: 'https://idp.test', id-token: >-
                s3cr3t-t0ken, refresh-token: "s3cr3t-t0ken"}
        ...

        """;

    private const string Json = """
        {
            "kind": "Config", "apiVersion": "v1", "current-context": "main",
            "clusters": [{"name": "c", "cluster": {"server": "https://jane:s3cr3t-t0ken@c.test", "tls-server-name": "\u00e9\ud83d\ude00"}}],
            "contexts": [{"name": "main", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"username": "jane", "password": "s3cr3t-t0ken", "as-user-extra": {"k": ["v", "w"]}}}]
        }
        """;

    private readonly HomeFolder _folder = new();

    public static TheoryData<string> Intact => new(Yaml.Replace("*none_yet", "none", StringComparison.Ordinal), Yaml, Json);

    [Theory]
    [MemberData(nameof(Intact))]
    public void Cut_off_after_any_byte(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        for (int length = 0; length <= bytes.Length; length++)
        {
            Read(bytes[..length], $"cut off after {length} bytes");
        }
    }

    [Theory]
    [MemberData(nameof(Intact))]
    public void With_bits_flipped(string text)
    {
        byte[] intact = Encoding.UTF8.GetBytes(text);
        Mutate(intact, (bytes, random) =>
        {
            for (int flips = random.Next(1, 9); flips > 0; flips--)
            {
                bytes[random.Next(bytes.Count)] ^= (byte)(1 << random.Next(8));
            }
        });
    }

    [Theory]
    [MemberData(nameof(Intact))]
    public void With_pieces_moved_doubled_and_lost(string text)
    {
        byte[] intact = Encoding.UTF8.GetBytes(text);
        Mutate(intact, (bytes, random) =>
        {
            for (int changes = random.Next(1, 6); changes > 0; changes--)
            {
                int from = random.Next(bytes.Count);
                List<byte> piece = bytes.GetRange(from, Math.Min(bytes.Count - from, random.Next(1, 60)));
                if (random.Next(2) == 0 && piece.Count < bytes.Count)
                {
                    bytes.RemoveRange(from, piece.Count);
                }

                if (random.Next(2) == 0)
                {
                    bytes.InsertRange(random.Next(bytes.Count), piece);
                }
            }
        }, movesSecrets: true);
    }

    [Fact]
    public void Noise()
    {
        Mutate([], (bytes, random) =>
        {
            byte[] noise = new byte[random.Next(2000)];
            random.NextBytes(noise);
            bytes.AddRange(noise);
        });
    }

    [Fact]
    public void Noise_of_characters_that_mean_something()
    {
        const string Signs = "{}[]:-,&*!|>'\"%@`#?<~\n\n\t\r \u0085\u2028\ufeffax0";
        Mutate([], (bytes, random) =>
        {
            for (int length = random.Next(400); length > 0; length--)
            {
                bytes.AddRange(Encoding.UTF8.GetBytes([Signs[random.Next(Signs.Length)]]));
            }
        });
    }

    /// <summary>Each long enough for a cost that grows with the square of the length to show.</summary>
    [Theory]
    [InlineData("", "x", "")]
    [InlineData("", " ", "")]
    [InlineData("", "\n", "")]
    [InlineData("", "#", "")]
    [InlineData("", "# x\n", "")]
    [InlineData("", "\ufeff", "")]
    [InlineData("a: \"", "x", "\"")]
    [InlineData("a: \"", "\\n", "\"")]
    [InlineData("a: \"", "x", "")]
    [InlineData("a: '", "''", "")]
    [InlineData("a: |\n", " x\n", "")]
    [InlineData("a: >\n", " x\n", "")]
    [InlineData("a: >\n", "\n", "")]
    [InlineData("", "- ", "")]
    [InlineData("", "? ", "")]
    [InlineData("", ": ", "")]
    [InlineData("", "[", "")]
    [InlineData("", "{", "")]
    [InlineData("", "{a: ", "")]
    [InlineData("", "a: ", "")]
    [InlineData("", "- x\n", "")]
    [InlineData("[", "x,", "]")]
    [InlineData("[", ",", "]")]
    [InlineData("[", "{},", "]")]
    [InlineData("{", "a: b,", "}")]
    [InlineData("", "a: b\n", "")]
    [InlineData("", "a:\n", "")]
    [InlineData("", "&a ", "")]
    [InlineData("", "&a", "")]
    [InlineData("", "!a ", "")]
    [InlineData("", "!", "")]
    [InlineData("!<", "a", ">")]
    [InlineData("", "%TAG ! x\n", "")]
    [InlineData("", "%", "")]
    [InlineData("", "---\n", "")]
    [InlineData("", "...\n", "")]
    [InlineData("a: &a [x]\nb: [", "*a,", "]")]
    [InlineData("a: &a {k: v}\nb:\n", "  <<: *a\n", "")]
    [InlineData("a: ", "\t", "")]
    [InlineData("a\n", " b\n", "")]
    [InlineData("users:\n", "- {name: u}\n", "")]
    public void Long_and_monotonous(string before, string again, string after)
    {
        var text = new StringBuilder(before);
        int count = ((4 << 20) - Encoding.UTF8.GetByteCount(before + after)) / Encoding.UTF8.GetByteCount(again);
        byte[] bytes = Encoding.UTF8.GetBytes(text.Insert(text.Length, again, count).Append(after).ToString());
        ReadBounded(bytes, $"{before}…{again}…{after}");
    }

    [Fact]
    public void Aliases_of_aliases_wherever_something_is_read()
    {
        var bomb = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 60; i++)
        {
            bomb.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        }

        foreach (string use in new[]
        {
            "clusters: *a59", "users: *a59", "contexts: *a59", "current-context: *a59", "kind: *a59",
            "current-context: m\ncontexts: [{name: m, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://c.test', extensions: *a59}}]\nusers: [{name: u, user: {as: j, as-groups: *a59}}]",
            "current-context: m\ncontexts: [{name: m, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://c.test'}}]\nusers: [{name: u, user: {as: j, as-user-extra: {k: *a59}}}]",
            "current-context: m\ncontexts: [{name: m, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'https://c.test'}}]\nusers: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never, args: *a59}}}]",
        })
        {
            ReadBounded(Encoding.UTF8.GetBytes($"{bomb}{use}\n"), use);
        }
    }

    [Fact]
    public async Task An_extension_that_would_fill_any_memory_is_refused_before_it_does()
    {
        var text = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 60; i++)
        {
            text.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        }

        text.Append("current-context: m\ncontexts: [{name: m, context: {cluster: c, user: u}}]\n");
        text.Append("clusters: [{name: c, cluster: {server: 'https://c.test', extensions: [{name: client.authentication.k8s.io/exec, extension: *a59}]}}]\n");
        text.Append("users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/sh, interactiveMode: Never, provideClusterInfo: true}}}]\n");
        ClusterConfiguration configuration = Resolve(_folder.Write("config", text.ToString()));
        var clock = Stopwatch.StartNew();

        Func<Task> get = async () => await configuration.Access.Credentials.GetAsync(CancellationToken.None);

        (await get.Should().ThrowAsync<ClusterException>()).WithMessage("the extension client.authentication.k8s.io/exec of cluster \"c\" is too large: *");
        clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(20));
    }

    [Theory]
    [InlineData("users: &a [*a]")]
    [InlineData("users: &a\n- name: u\n  user: *a")]
    [InlineData("users:\n- &a\n  name: u\n  user: *a")]
    [InlineData("users:\n- &a\n  name: u\n  user:\n    <<: *a")]
    [InlineData("a: &a {b: &b {c: *a}, d: *b}")]
    [InlineData("a: *b\nb: &b x")]
    [InlineData("&a a: *a\nusers: *a")]
    public void Aliases_that_lead_back(string text) => ReadBounded(Encoding.UTF8.GetBytes(text), text);

    public void Dispose() => _folder.Dispose();

    private void Mutate(byte[] intact, Action<List<byte>, Random> change, bool movesSecrets = false)
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        var clock = Stopwatch.StartNew();
        for (int round = 0; round < 600; round++)
        {
            List<byte> bytes = [.. intact];
            change(bytes, random);
            Read([.. bytes], string.Create(CultureInfo.InvariantCulture, $"seed {seed}, round {round}"), movesSecrets);
        }

        clock.Elapsed.Should().BeLessThan(TimeSpan.FromMinutes(1), "seed {0}", seed);
    }

    private void ReadBounded(byte[] bytes, string because)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        var clock = Stopwatch.StartNew();

        Read(bytes, because);

        clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(30), "{0}", because);
        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(2L << 30);
    }

    /// <summary>Reads and resolves a kubeconfig; fails unless that succeeds or is refused properly.</summary>
    /// <param name="bytes">The file.</param>
    /// <param name="because">How the file came to be.</param>
    /// <param name="movesSecrets">Whether a secret may stand where a name is meant, which a message may repeat.</param>
    private void Read(byte[] bytes, string because, bool movesSecrets = false)
    {
        string path = _folder.Write("config", bytes);
        try
        {
            Resolve(path);
        }
        catch (ClusterException e)
        {
            e.Message.Length.Should().BeLessThan(3000, "{0}", because);
            e.Message.Any(c => c != '\n' && char.IsControl(c)).Should().BeFalse("nothing is to rewrite the terminal ({0}): {1}", because, e.Message);
            if (!movesSecrets)
            {
                e.ToString().Should().NotContain(Secret, "{0}", because);
            }
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{because}: {Convert.ToBase64String(bytes.AsSpan(0, Math.Min(bytes.Length, 4000)))}", e);
        }
    }

    private ClusterConfiguration Resolve(string path) => ClusterConfiguration.Resolve(
        MergedKubeconfig.Load(path, _folder.Environment), new ClusterOverrides(), TimeProvider.System, NullLoggerFactory.Instance, _folder.Environment);
}
