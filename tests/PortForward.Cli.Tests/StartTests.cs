using System.Diagnostics;
using PortForward.Cli.Tests.Support;

namespace PortForward.Cli.Tests;

/// <summary>What a start does not touch, since people wait for it.</summary>
public sealed class StartTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>
{
    /// <summary>Whoever opens the pipe waits for ever.</summary>
    [UnixFact]
    public async Task The_systems_certificates_are_not_read_when_the_kubeconfig_names_the_only_authority()
    {
        string pipe = fixture.PathOf("certificates");
        using (Process make = Process.Start("mkfifo", pipe))
        {
            await make.WaitForExitAsync();
        }

        await using PfProcess pf = PfProcess.Start(
            fixture.Kubeconfig, new Dictionary<string, string>(StringComparer.Ordinal) { ["SSL_CERT_FILE"] = pipe, ["SSL_CERT_DIR"] = "/nowhere" }, "pod/solo", $":{ClusterFixture.Http}");

        (await pf.LocalPortAsync(ClusterFixture.Http)).Should().BePositive();
    }

    [UnixFact]
    public async Task A_credential_plug_in_gets_the_users_own_environment()
    {
        string seen = fixture.PathOf("seen");
        string plugin = $$$"""
            echo "$SSL_CERT_FILE $SSL_CERT_DIR ${DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS-unset}" > {{{seen}}}
            echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"{{{fixture.Cluster.Admin.Token}}}"}}'
            """;
        string kubeconfig = fixture.PathOf("kubeconfig-with-plugin");
        string script = fixture.PathOf("plugin.sh");
        await File.WriteAllTextAsync(script, plugin);
        string yaml = await File.ReadAllTextAsync(fixture.Kubeconfig);
        int user = yaml.IndexOf("token:", StringComparison.Ordinal);
        int lineEnd = yaml.IndexOf('\n', user);
        string indent = new(' ', user - yaml.LastIndexOf('\n', user) - 1);
        yaml = $"{yaml[..user]}exec:\n{indent}  apiVersion: client.authentication.k8s.io/v1\n{indent}  interactiveMode: Never\n{indent}  command: /bin/sh\n{indent}  args: [\"{script}\"]{yaml[lineEnd..]}";
        await File.WriteAllTextAsync(kubeconfig, yaml);

        await using PfProcess pf = PfProcess.Start(
            kubeconfig, new Dictionary<string, string>(StringComparer.Ordinal) { ["SSL_CERT_FILE"] = "/mine.pem", ["SSL_CERT_DIR"] = "/mine" }, "pod/solo", $":{ClusterFixture.Http}");
        await pf.LocalPortAsync(ClusterFixture.Http);

        (await File.ReadAllTextAsync(seen)).Trim().Should().Be("/mine.pem /mine unset");
    }
}
