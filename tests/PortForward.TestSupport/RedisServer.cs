using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace PortForward.TestSupport;

/// <summary>A real Redis of this machine, on a port and in a folder of its own; it keeps nothing.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Process _process;

    private RedisServer(int port)
    {
        EndPoint = new IPEndPoint(IPAddress.Loopback, port);
        string[] arguments = ["--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", _folder.Path, "--logfile", _folder["log"]];
        _process = Process.Start(new ProcessStartInfo(Program!, arguments) { UseShellExecute = false })!;
    }

    /// <summary>The program's path; null where there is none.</summary>
    public static string? Program { get; } = Programs.Find("redis-server");

    public IPEndPoint EndPoint { get; }

    /// <summary>Starts one, and waits until it answers.</summary>
    public static async Task<RedisServer> StartAsync()
    {
        var server = new RedisServer(LoopbackPort.Free());
        await Waiting.UntilAsync(() => server._process.HasExited ? throw new InvalidOperationException(File.ReadAllText(server._folder["log"])) : server.IsListening());
        return server;
    }

    /// <summary>Asks it something without the cluster.</summary>
    /// <returns>Its answer: a line, or the text whose length the first line announces.</returns>
    public async Task<string> AskAsync(string command)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(EndPoint).Soon();
        await using NetworkStream stream = client.GetStream();
        return await AskAsync(stream, command);
    }

    /// <summary>Asks on a connection.</summary>
    /// <returns>The answer: a line, or the text whose length the first line announces.</returns>
    public static async Task<string> AskAsync(Stream stream, string command)
    {
        using var reader = new StreamReader(stream, leaveOpen: true);
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes($"{command}\r\n")).Soon();
        string line = await reader.ReadLineAsync().Soon() ?? throw new EndOfStreamException();
        if (line[0] != '$')
        {
            return line;
        }

        char[] text = new char[int.Parse(line[1..], System.Globalization.CultureInfo.InvariantCulture)];
        await reader.ReadBlockAsync(text).Soon();
        return new string(text);
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().Soon();
        _process.Dispose();
        _folder.Dispose();
    }

    private bool IsListening()
    {
        try
        {
            using var client = new TcpClient();
            client.Connect(EndPoint);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
