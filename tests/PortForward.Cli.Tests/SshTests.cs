using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using PortForward.Cli.Tests.Support;
using PortForward.Testing;
using PortForward.Testing.Applications;

namespace PortForward.Cli.Tests;

/// <summary>OpenSSH through a pod: <c>ProxyCommand pf -W pod/dev:22</c>, and git over it.</summary>
public sealed class SshTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SshFact]
    public async Task A_command_is_run_and_a_repository_cloned()
    {
        using Process server = await StartServerAsync("ssh-1");
        string ssh = ClientCommand("ssh-1");
        try
        {
            (await RunAsync("sh", "-c", $"{ssh} dev 'echo over ssh; exit 7'; echo $?")).Should().Be("over ssh\n7\n");

            string repository = _folder["repository"];
            string content = new('x', 2_000_000);
            _folder.Write("repository/file", content);
            await RunAsync("sh", "-c", $"cd {repository} && git init -q && git add . && git -c user.name=t -c user.email=t@example.com commit -qm first");
            string quoted = ssh.Replace("'", "'\\''", StringComparison.Ordinal);
            await RunAsync("sh", "-c", $"GIT_SSH_COMMAND='{quoted}' git clone -q dev:{repository} {_folder["clone"]}");
            (await File.ReadAllTextAsync(_folder["clone/file"])).Should().Be(content);
        }
        finally
        {
            server.Kill();
        }
    }

    [SshFact]
    public async Task A_target_that_is_not_there_is_one_line()
    {
        await CreateKeysAsync();

        (await RunAsync("sh", "-c", $"{ClientCommand("nope")} dev true 2>&1; echo $?")).Should()
            .Contain("Error from server (NotFound): pods \"nope\" not found\n").And.EndWith("255\n");
    }

    /// <summary>A server of this user on a port of its own, behind a pod.</summary>
    private async Task<Process> StartServerAsync(string pod)
    {
        await CreateKeysAsync();
        int port = LoopbackPort.Free();
        string configuration = _folder.Write("sshd_config", $"""
            Port {port}
            ListenAddress 127.0.0.1
            HostKey {_folder["hostkey"]}
            AuthorizedKeysFile {_folder["userkey.pub"]}
            PidFile none
            StrictModes no
            PasswordAuthentication no
            KbdInteractiveAuthentication no

            """);
        var start = new ProcessStartInfo(SshFactAttribute.Server!, ["-D", "-e", "-f", configuration]) { RedirectStandardError = true, UseShellExecute = false };
        Process server = Process.Start(start)!;
        server.ErrorDataReceived += static (_, _) => { };
        server.BeginErrorReadLine();
        await Waiting.UntilAsync(() => server.HasExited || IsListening(port));
        server.HasExited.Should().BeFalse("sshd runs");
        fixture.Cluster.Pods.Add(TestPod.Probe(pod).Serves(22, TestApplications.Relay(new IPEndPoint(IPAddress.Loopback, port))));
        return server;
    }

    private async Task CreateKeysAsync()
    {
        foreach (string key in (string[])["hostkey", "userkey"])
        {
            await RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", _folder[key]);
        }
    }

    private string ClientCommand(string pod)
    {
        ProcessStartInfo pf = PfProcess.Command(fixture.Kubeconfig, "-W", $"pod/{pod}:22");
        string proxy = string.Join(' ', pf.ArgumentList.Prepend(pf.FileName).Prepend($"KUBECONFIG={fixture.Kubeconfig}").Prepend("env"));
        return $"ssh -F none -i {_folder["userkey"]} -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "
            + $"-o \"ProxyCommand={proxy}\"";
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync().Soon();
        await process.WaitForExitAsync().Soon();
        process.ExitCode.Should().Be(0, await error);
        return output;
    }

    private static bool IsListening(int port)
    {
        try
        {
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
