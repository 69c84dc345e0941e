using System.Diagnostics;
using System.Text;
using PortForward.Cli.Tests.DropIn;
using PortForward.Cli.Tests.Support;
using PortForward.Testing;

namespace PortForward.Cli.Tests;

/// <summary>No secret shows, however much is told: not when all goes well, and not in an error.</summary>
public sealed class SecretsTests : IAsyncLifetime
{
    private const string ProxyPassword = "open-s@same-7351", WrongPassword = "let-m@-in-9902";

    /// <summary>Sets credentials up, with arguments to go with them.</summary>
    /// <param name="around">The kubeconfig and what is around it.</param>
    /// <param name="works">Whether the credentials are to be good ones.</param>
    /// <returns>Arguments for the command line, and every secret that is used.</returns>
    private delegate (string Arguments, string[] Secrets) Credentials(CaseSurroundings around, bool works);

    private static readonly Dictionary<string, Credentials> Kinds = new(StringComparer.Ordinal)
    {
        ["--token"] = (around, works) => ($"--token {Token(around, works)}", [Token(around, works)]),
        ["token"] = (around, works) => With(around, $"token: {Token(around, works)}", Token(around, works)),
        ["token file"] = (around, works) => With(around, $"tokenFile: {around.Write("token", Token(around, works))}", Token(around, works)),
        ["--password"] = (around, works) => (With(around, "", Password(around, works)).Arguments + $"--username admin --password {Password(around, works)}", [Password(around, works)]),
        ["password"] = (around, works) => With(around, $"username: admin, password: {Password(around, works)}", Password(around, works)),
        ["client key"] = (around, works) => With(around, CaseSurroundings.CertificateFields(CertificatePem(around, works), KeyPem(around, works)), KeyLines(KeyPem(around, works))),
        ["plug-in's token"] = (around, works) => With(around, Plugin(around, $$"""{"token": "{{Token(around, works)}}"} """), Token(around, works)),
        ["plug-in's key"] = (around, works) => With(
            around,
            Plugin(around, $$"""{"clientCertificateData": "{{Escaped(CertificatePem(around, works))}}", "clientKeyData": "{{Escaped(KeyPem(around, works))}}"}"""),
            KeyLines(KeyPem(around, works))),
        ["password in the server's address"] = (around, works) =>
        {
            string server = around.Server.Replace("https://", $"https://admin:{Password(around, works)}@", StringComparison.Ordinal);
            around.Write("kubeconfig", around.Yaml(cluster: around.ClusterFields(server), user: ""));
            return ("", [Password(around, works)]);
        },
    };

    private readonly TemporaryFolder _folder = new();
    private TestCluster _cluster = null!;

    public static TheoryData<string> KindNames => [.. Kinds.Keys];

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _cluster.Pods.Add(TestPod.Probe("solo"));
    }

    public async Task DisposeAsync()
    {
        _folder.Dispose();
        await _cluster.DisposeAsync();
    }

    [UnixTheory]
    [MemberData(nameof(KindNames))]
    public async Task None_shows_while_it_forwards(string kind)
    {
        var around = new CaseSurroundings(_cluster, _folder.Path);
        (string arguments, string[] secrets) = Kinds[kind](around, true);

        await ShouldServeAsync(around, arguments, secrets);
    }

    [UnixTheory]
    [MemberData(nameof(KindNames))]
    public async Task None_shows_when_there_is_no_such_pod(string kind)
    {
        var around = new CaseSurroundings(_cluster, _folder.Path);
        (string arguments, string[] secrets) = Kinds[kind](around, true);

        await ShouldFailAsync(around, $"{arguments} pod/nope :80", secrets, "not found");
    }

    [UnixTheory]
    [MemberData(nameof(KindNames))]
    public async Task None_shows_when_the_server_refuses_it(string kind)
    {
        var around = new CaseSurroundings(_cluster, _folder.Path);
        (string arguments, string[] secrets) = Kinds[kind](around, false);

        await ShouldFailAsync(around, $"{arguments} pod/solo :80", secrets, "You must be logged in to the server");
    }

    [UnixTheory]
    [MemberData(nameof(KindNames))]
    public async Task None_shows_when_there_is_no_server(string kind)
    {
        var around = new CaseSurroundings(_cluster, _folder.Path);
        (string arguments, string[] secrets) = Kinds[kind](around, true);
        string path = _folder["kubeconfig"];
        await File.WriteAllTextAsync(path, (await File.ReadAllTextAsync(path)).Replace($":{_cluster.Server.Port}", ":1", StringComparison.Ordinal));

        await ShouldFailAsync(around, $"{arguments} pod/solo :80", secrets, "was refused");
    }

    [UnixTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_proxys_password_does_not_show(bool works)
    {
        await using var proxy = new TestProxy(TestProxy.WithPassword("gate", ProxyPassword));
        string password = works ? ProxyPassword : WrongPassword;
        var around = new CaseSurroundings(_cluster, _folder.Path);
        around.Write("kubeconfig", around.Yaml(cluster: $"{around.ClusterFields()}, proxy-url: 'http://gate:{password}@127.0.0.1:{proxy.Port}'"));
        string[] secrets = [password, $"gate:{password}", _cluster.Admin.Token];

        if (works)
        {
            await ShouldServeAsync(around, "", secrets);
            proxy.Connected.Should().BePositive();
        }

        await ShouldFailAsync(around, "pod/nope :80", secrets, works ? "not found" : "proxy");
    }

    [UnixTheory]
    [InlineData("--tokn=SECRET pod/solo :80")]
    [InlineData("--token=SECRET --bogus pod/solo :80")]
    [InlineData("--token SECRET pod/solo :80 -n")]
    [InlineData("--token SECRET pod/solo 1:2:3")]
    [InlineData("--password SECRET --token x pod/solo :80")]
    [InlineData("--server ftp://admin:SECRET@127.0.0.1 pod/solo :80")]
    [InlineData("--server https://admin:SECRET@127.0.0.1:99999 pod/solo :80")]
    [InlineData("--server https://admin:SECRET@ pod/solo :80")]
    [InlineData("--server admin:SECRET@127.0.0.1/a pod/solo :80")]
    [InlineData("--server https://admin:SECRET@127.0.0.1:1 pod/solo :80")]
    [InlineData("--server https://admin:SECRET@no-such-host.invalid pod/solo :80")]
    public async Task None_shows_on_a_mistyped_command_line(string arguments)
    {
        string secret = $"S3cr3t{Guid.NewGuid():N}";

        await ShouldFailAsync(new CaseSurroundings(_cluster, _folder.Path), arguments.Replace("SECRET", secret, StringComparison.Ordinal), [secret]);
    }

    [UnixTheory]
    [InlineData("users: [{name: test, user: {token: \"SECRET}}]")]
    [InlineData("users: [{name: test, user: {token: SECRET: x}}]")]
    [InlineData("users: [{name: test, user: {token: [SECRET]}}]\ncurrent-context: test\ncontexts: [{name: test, context: {user: test}}]")]
    [InlineData("users: SECRET")]
    [InlineData("users: [SECRET]")]
    [InlineData("users: [{name: test, user: {token: *SECRET}}]")]
    [InlineData("users:\n- name: test\n  user:\n    token: a\n   SECRET")]
    [InlineData("users:\n- name: test\n  user:\n    token: !SECRET\tx\n\t: y")]
    [InlineData("token: SECRET\nkind: [SECRET")]
    public async Task None_shows_of_a_malformed_kubeconfig(string kubeconfig)
    {
        string secret = $"S3cr3t{Guid.NewGuid():N}";
        var around = new CaseSurroundings(_cluster, _folder.Path);
        around.Write("kubeconfig", kubeconfig.Replace("SECRET", secret, StringComparison.Ordinal));

        await ShouldFailAsync(around, "pod/solo :80", [secret]);
    }

    [UnixTheory]
    [InlineData("token: \"SECRET\\nX: y\"", "")]
    [InlineData("username: admin, password: SECRET, token: x", "")]
    [InlineData("client-key-data: SECRET, client-certificate-data: SECRET", "")]
    [InlineData("client-key-data: SECRET==, client-certificate-data: '!SECRET'", "")]
    [InlineData("auth-provider: {name: gcp, config: {access-token: SECRET}}", "")]
    [InlineData("auth-provider: {name: oidc, config: {id-token: SECRET, refresh-token: SECRET}}", "")]
    [InlineData("token: x", ", proxy-url: 'ftp://u:SECRET@127.0.0.1'")]
    [InlineData("token: x", ", proxy-url: 'http://u:SECRET@127.0.0.1:1'")]
    [InlineData("token: x", ", proxy-url: 'socks5://u:SECRET@127.0.0.1:1'")]
    [InlineData("token: x", ", proxy-url: 'http://u:SECRET@:x'")]
    public async Task None_shows_of_credentials_that_cannot_be_used(string user, string cluster)
    {
        string secret = $"S3cr3t{Guid.NewGuid():N}";
        var around = new CaseSurroundings(_cluster, _folder.Path);
        around.Write("kubeconfig", around.Yaml(cluster: around.ClusterFields() + cluster, user: user).Replace("SECRET", secret, StringComparison.Ordinal));

        await ShouldFailAsync(around, "pod/solo :80", [secret]);
    }

    [UnixTheory]
    [InlineData("echo 'SECRET'")]
    [InlineData("echo '{\"token\": \"SECRET\"'")]
    [InlineData("echo '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": [\"SECRET\"]}}'")]
    [InlineData("echo '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"SECRET\", \"status\": {}}'")]
    [InlineData("echo '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"clientKeyData\": \"SECRET\", \"clientCertificateData\": \"x\"}}'")]
    [InlineData("echo '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"x\", \"expirationTimestamp\": \"SECRET\"}}'")]
    [InlineData("echo SECRET; exit 1")]
    public async Task None_shows_of_what_a_plug_in_printed_in_vain(string script)
    {
        string secret = $"S3cr3t{Guid.NewGuid():N}";
        var around = new CaseSurroundings(_cluster, _folder.Path);
        around.Write("plugin", $"#!/bin/sh\n{script.Replace("SECRET", secret, StringComparison.Ordinal)}\n", executable: true);
        around.Write("kubeconfig", around.Yaml(user: PluginFields(around)));

        await ShouldFailAsync(around, "pod/solo :80", [secret]);
    }

    private static string Token(CaseSurroundings around, bool works) => works ? around.Cluster.Admin.Token : "0123456789abcdef0123456789abcdef01234567";

    private static string Password(CaseSurroundings around, bool works) => works ? around.Cluster.Admin.Password : WrongPassword;

    private static string CertificatePem(CaseSurroundings around, bool works) => works ? around.Cluster.Admin.CertificatePem : StrangersCertificate.CertificatePem;

    private static string KeyPem(CaseSurroundings around, bool works) => works ? around.Cluster.Admin.KeyPem : StrangersCertificate.KeyPem;

    private static (string Arguments, string[] Secrets) With(CaseSurroundings around, string user, params string[] secrets)
    {
        around.Write("kubeconfig", around.Yaml(user: user));
        return ("", secrets);
    }

    private static string Plugin(CaseSurroundings around, string status)
    {
        around.WritePlugin(status);
        return PluginFields(around);
    }

    private static string PluginFields(CaseSurroundings around) =>
        $"exec: {{apiVersion: client.authentication.k8s.io/v1, command: {around.Folder}/plugin, interactiveMode: Never}}";

    private static string[] KeyLines(string pem) => [pem, .. pem.Split('\n').Where(line => line.Length > 0 && !line.StartsWith("-----", StringComparison.Ordinal)), "PRIVATE KEY"];

    private static string Escaped(string text) => text.Replace("\n", "\\n", StringComparison.Ordinal);

    private static async Task ShouldServeAsync(CaseSurroundings around, string arguments, string[] secrets)
    {
        await using PfProcess pf = Start(around, $"{arguments} pod/solo :{ClusterFixture.Echo}");
        using (Client client = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.Echo)))
        {
            await client.SendAsync("x");
            (await client.ReceiveAsync(1)).Should().Be("x");
        }

        pf.Signal(PfProcess.Terminate);
        (await pf.ExitAsync()).Should().Be(0);
        ShouldShowNone(pf, secrets);
    }

    private static async Task ShouldFailAsync(CaseSurroundings around, string arguments, string[] secrets, string because = "")
    {
        await using PfProcess pf = Start(around, arguments);

        (await pf.ExitAsync()).Should().NotBe(0);
        string error = string.Join('\n', pf.Error);
        error.Should().NotBeEmpty();
        error.Contains(because, StringComparison.Ordinal).Should().BeTrue("that is why it fails");
        ShouldShowNone(pf, secrets);
    }

    private static PfProcess Start(CaseSurroundings around, string arguments)
    {
        ProcessStartInfo command = PfProcess.Command(kubeconfig: null, ["-v", "10", "--verbose", .. around.Expand(arguments)]);
        foreach ((string name, string? value) in around.Environment)
        {
            command.Environment[name] = value;
        }

        return PfProcess.Start(command);
    }

    /// <summary>Neither as it is nor in base64, alone or as the password of a user.</summary>
    private static void ShouldShowNone(PfProcess pf, string[] secrets)
    {
        string all = string.Join('\n', [.. pf.Output, .. pf.Error]);
        foreach (string secret in secrets)
        {
            foreach (string form in (string[])[secret, Base64(secret), Base64($"admin:{secret}"), Uri.EscapeDataString(secret)])
            {
                // Whether it contains it is all that is asserted: a failed test must not show it either.
                all.Contains(form, StringComparison.Ordinal).Should().BeFalse("a secret of {0} characters must not show", secret.Length);
            }
        }
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text)).TrimEnd('=');
}
