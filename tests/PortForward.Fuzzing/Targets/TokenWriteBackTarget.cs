using PortForward.Cluster;
using PortForward.Cluster.Kubeconfig;
using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Support;

namespace PortForward.Fuzzing.Targets;

/// <summary>A kubeconfig into which new tokens are written: they are there afterwards, and everything else is as it was; or nothing has changed.</summary>
internal sealed class TokenWriteBackTarget : FuzzTarget
{
    private static readonly KeyValuePair<string, string>[] Tokens = [new("id-token", "new.id.token"), new("refresh-token", "new \"refresh\": #token")];

    public override int Mutations => 500;

    public override IReadOnlyList<byte[]> Dictionary { get; } = Words(
        "id-token: x\n", "refresh-token: ''\n", "id-token: &a x", "refresh-token: *a", "id-token: |\n  x\n", "config: {", "}", "# comment\n", "\r\n", "'", "\"", "\t", " ", ",", "? ", ": ", "<<: *a", "- name: u\n", "\ufeff", "---\n", "😀");

    public override async Task RunAsync(FuzzInput input)
    {
        string path = ScratchFolder.Write("oidc", input.Bytes);
        string? before = Outline(path);
        var entry = new AuthProviderEntry(path, "u", new VirtualTime());
        try
        {
            await entry.WriteAsync(Tokens, CancellationToken.None);
        }
        catch (ClusterException e)
        {
            Require.Message(e.Message, Require.UsualLength + input.Text.Length);
            Require.That(input.Bytes.AsSpan().SequenceEqual(File.ReadAllBytes(path)), "a file that cannot be changed stays as it is");
            return;
        }

        ConfigMapping? config = entry.Read();
        Require.That(config is not null && Tokens.All(token => config.Text(token.Key) == token.Value), "what was written can be read");
        Require.Same(before, Outline(path), "nothing but the tokens changes");
    }

    /// <summary>The document without the tokens of the user; null if it is none.</summary>
    private static string? Outline(string path)
    {
        try
        {
            var file = KubeconfigFile.Read(path);
            ConfigMapping? root = file.Root;
            ConfigMapping? user = (root?.Fields.GetValueOrDefault("users") as ConfigList)?.Items.OfType<ConfigMapping>().FirstOrDefault(one => one.Text("name") == "u");
            var config = (((user?.Fields.GetValueOrDefault("user") as ConfigMapping)
                ?.Fields.GetValueOrDefault("auth-provider") as ConfigMapping)?.Fields.GetValueOrDefault("config")) as ConfigMapping;
            return root is null ? null : Outline(root, config, depth: 0);
        }
        catch (Exception e) when (e is ClusterException or FileNotFoundException)
        {
            return null;
        }
    }

    private static string Outline(ConfigNode node, ConfigMapping? config, int depth) => node switch
    {
        _ when depth > 20 => "…", // Aliases of aliases would make it endless.
        ConfigScalar scalar => $"\"{scalar.Value}\"",
        ConfigList list => $"[{string.Join(", ", list.Items.Select(item => Outline(item, config, depth + 1)))}]",
        ConfigMapping mapping => $"{{{string.Join(", ", mapping.Fields.Where(field => mapping != config || Tokens.All(token => token.Key != field.Key)).OrderBy(field => field.Key, StringComparer.Ordinal).Select(field => $"{field.Key}: {Outline(field.Value, config, depth + 1)}"))}}}",
        _ => "",
    };
}
