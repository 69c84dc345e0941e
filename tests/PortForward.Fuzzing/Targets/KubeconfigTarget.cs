using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Cluster;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;
using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Support;

namespace PortForward.Fuzzing.Targets;

/// <summary>A kubeconfig: it leads to a cluster, or is refused in a sentence without the secrets that are in it.</summary>
internal sealed class KubeconfigTarget : FuzzTarget
{
    private const string Secret = "s3cr3t-t0ken";

    public override int Mutations => 600;

    public override IReadOnlyList<byte[]> Dictionary { get; } = Words(
        "clusters:\n", "contexts:\n", "users:\n", "current-context: main\n", "- name: u\n", "  user:\n", "    token: x\n", "    exec:\n", "    auth-provider:\n", "{name: c, cluster: {server: 'https://c.test'}}",
        "proxy-url: socks5://u:p@h:1", "server: unix:///x", "server: '//'", "tls-server-name: x", "as-user-extra: {a: [b]}", "certificate-authority-data: AAAA", "insecure-skip-tls-verify: yes",
        "&a ", "*a", "<<: *a", "? ", ": ", "- ", "|\n", ">-\n", "'", "\"", "[", "]", "{", "}", "!!str ", "!<x>", "---\n", "...\n", "%YAML 1.1\n", "#", "\t", "@", "`", "https://[::1%25eth0]:99999/", "\\x1b", "\\U000e0001");

    public override Task RunAsync(FuzzInput input)
    {
        string path = ScratchFolder.Write("config", input.Bytes);
        try
        {
            LocalEnvironment environment = ScratchFolder.Environment();
            ClusterConfiguration.Resolve(MergedKubeconfig.Load(path, environment), new ClusterOverrides(), TimeProvider.System, NullLoggerFactory.Instance, environment);
        }
        catch (ClusterException e)
        {
            // A name may be as long as the file.
            Require.Message(e.Message, Require.UsualLength + input.Text.Length);
            if (!input.IsRearranged)
            {
                Require.Hidden(Secret, e.ToString());
            }
        }

        return Task.CompletedTask;
    }
}
