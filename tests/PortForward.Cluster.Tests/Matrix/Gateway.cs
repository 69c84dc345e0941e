using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using PortForward.Cluster.Tests.Transport;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>A running nginx or haproxy with a configuration of the test's own, on a port of this machine that was free.</summary>
internal sealed class Gateway : IAsyncDisposable
{
    private const int Tries = 5;

    private readonly TemporaryFolder _folder;
    private readonly Process _process;
    private readonly StringBuilder _said;

    private Gateway(TemporaryFolder folder, Process process, StringBuilder said, int port, string authorityPem)
    {
        _folder = folder;
        _process = process;
        _said = said;
        Port = port;
        AuthorityPem = authorityPem;
    }

    public int Port { get; }

    /// <summary>The authority that vouches for the gateway.</summary>
    public string AuthorityPem { get; }

    /// <summary>Starts an nginx with a server's configuration; <c>PORT</c> in it stands for the port.</summary>
    public static Task<Gateway> StartNginxAsync(string server) => StartAsync(
        "nginx",
        folder => ["-p", folder, "-c", Path.Combine(folder, "configuration"), "-e", Path.Combine(folder, "error.log")],
        folder =>
            $$"""
            daemon off;
            master_process off;
            pid {{folder}}/pid;
            events { worker_connections 2000; }
            http {
              access_log off;
              client_body_temp_path {{folder}}/body;
              proxy_temp_path {{folder}}/proxy;
              fastcgi_temp_path {{folder}}/fastcgi;
              uwsgi_temp_path {{folder}}/uwsgi;
              scgi_temp_path {{folder}}/scgi;
              ssl_certificate {{folder}}/certificate.pem;
              ssl_certificate_key {{folder}}/certificate.pem;
              {{server}}
            }

            """);

    /// <summary>Starts a haproxy; <c>PORT</c> in the configuration stands for the port, and <c>CERTIFICATE</c> for the certificate's file.</summary>
    public static Task<Gateway> StartHaproxyAsync(string configuration) => StartAsync(
        "haproxy",
        folder => ["-db", "-f", Path.Combine(folder, "configuration")],
        folder => configuration.Replace("CERTIFICATE", $"{folder}/certificate.pem", StringComparison.Ordinal));

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Dispose();
    }

    private static async Task<Gateway> StartAsync(string program, Func<string, string[]> arguments, Func<string, string> configuration)
    {
        // Neither program tells which port it got, so it gets one that was free a moment ago; somebody may take it in between.
        for (int tries = 1; ; tries++)
        {
            Gateway gateway = Start(program, arguments, configuration);
            if (await gateway.IsReadyAsync())
            {
                return gateway;
            }

            string said = gateway._said.ToString();
            await gateway.DisposeAsync();
            if (tries == Tries)
            {
                throw new InvalidOperationException($"{program} does not start: {said}");
            }
        }
    }

    private static Gateway Start(string program, Func<string, string[]> arguments, Func<string, string> configuration)
    {
        var folder = new TemporaryFolder();
        using var authority = new TestAuthority();
        using X509Certificate2 certificate = authority.IssueServer("127.0.0.1");
        folder.Write("certificate.pem", $"{certificate.ExportCertificatePem()}\n{certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()}\n");
        int port = FreePort();
        folder.Write("configuration", configuration(folder.Path).Replace("PORT", port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));

        string path = GatewayPrograms.Find(program)!;
        var start = new ProcessStartInfo(path, arguments(folder.Path)) { UseShellExecute = false, RedirectStandardError = true };
        if (path.StartsWith(GatewayPrograms.Folder, StringComparison.Ordinal))
        {
            start.Environment["LD_LIBRARY_PATH"] = string.Join(Path.PathSeparator, Directory.GetDirectories(Path.Combine(GatewayPrograms.Folder, "usr/lib"), "*-linux-gnu"));
        }

        var said = new StringBuilder();
        Process process = Process.Start(start)!;
        process.ErrorDataReceived += (_, line) => said.AppendLine(line.Data);
        process.BeginErrorReadLine();
        return new Gateway(folder, process, said, port, authority.Pem);
    }

    private async Task<bool> IsReadyAsync()
    {
        using var limit = new CancellationTokenSource(Waiting.Patience);
        while (!_process.HasExited)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, Port, limit.Token);
                return !_process.HasExited;
            }
            catch (SocketException)
            {
                await Task.Delay(10, limit.Token); // It tells nobody when it listens.
            }
        }

        await _process.WaitForExitAsync();
        return false;
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
