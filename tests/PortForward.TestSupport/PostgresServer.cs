using System.Diagnostics;
using System.Net;

namespace PortForward.TestSupport;

/// <summary>
/// A real PostgreSQL of this machine, on a port and in a folder of its own. It lets everybody in as <c>postgres</c>, listens on 127.0.0.1 only, and keeps nothing.
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    /// <summary>Root may not run it, and nobody's user id is the same everywhere.</summary>
    private const string Nobody = "65534";

    private readonly string _folder;
    private readonly Process _process;

    private PostgresServer(string folder, int port)
    {
        _folder = folder;
        EndPoint = new IPEndPoint(IPAddress.Loopback, port);
        _process = Start(Program!, "-D", Path.Combine(folder, "data"), "-p", $"{port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off");
    }

    public IPEndPoint EndPoint { get; }

    private static string[] Folders { get; } = Directory.Exists("/usr/lib/postgresql")
        ? [.. Directory.GetDirectories("/usr/lib/postgresql").Select(static version => Path.Combine(version, "bin"))]
        : [];

    private static string? Program { get; } = Programs.Find("postgres", Folders);

    private static string? InitDb { get; } = Programs.Find("initdb", Folders);

    private static string? SetPriv { get; } = Programs.Find("setpriv");

    /// <summary>Whether it can be run here.</summary>
    public static bool IsThere => Program is not null && InitDb is not null && (!Environment.IsPrivilegedProcess || SetPriv is not null);

    /// <summary>Starts one, and waits until it answers.</summary>
    public static async Task<PostgresServer> StartAsync()
    {
        string folder = Directory.CreateTempSubdirectory("postgres-").FullName;
        if (Environment.IsPrivilegedProcess)
        {
            using Process chown = Process.Start(new ProcessStartInfo("chown", [Nobody, folder]))!;
            await chown.WaitForExitAsync().Soon();
        }

        using (Process init = Start(InitDb!, "-D", Path.Combine(folder, "data"), "-U", "postgres", "-A", "trust", "--no-sync"))
        {
            await init.WaitForExitAsync().Soon();
            init.ExitCode.Should().Be(0, await init.StandardError.ReadToEndAsync());
        }

        var server = new PostgresServer(folder, LoopbackPort.Free());
        await Waiting.UntilAsync(() => server._process.HasExited ? throw new InvalidOperationException(server._process.StandardError.ReadToEnd()) : server.IsListening());
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        PfProcess.Signal(_process.Id, PfProcess.Interrupt); // Its fast shutdown; killed it would leave its children.
        await _process.WaitForExitAsync().Soon();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static Process Start(string program, params string[] arguments)
    {
        string[] words = Environment.IsPrivilegedProcess
            ? [SetPriv!, "--reuid", Nobody, "--regid", Nobody, "--clear-groups", program, .. arguments]
            : [program, .. arguments];
        return Process.Start(new ProcessStartInfo(words[0], words[1..])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            WorkingDirectory = "/",
        })!;
    }

    private bool IsListening()
    {
        try
        {
            using var client = new System.Net.Sockets.TcpClient();
            client.Connect(EndPoint);
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}
