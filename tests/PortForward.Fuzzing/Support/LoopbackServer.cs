using System.Net;
using System.Net.Sockets;

namespace PortForward.Fuzzing.Support;

/// <summary>A server on the loopback that answers each connection once, with the bytes that are next.</summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly IReadOnlyList<byte[]> _answers;
    private readonly Task _serving;

    /// <summary>Begins to listen.</summary>
    /// <param name="answers">What to answer, and at its end again from the beginning.</param>
    public LoopbackServer(IReadOnlyList<byte[]> answers)
    {
        _answers = answers;
        _listener.Start();
        _serving = ServeAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>How many connections have come.</summary>
    public int Connections { get; private set; }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _serving;
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync();
                _ = AnswerAsync(client, _answers[Connections++ % _answers.Count]);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // It was disposed.
        }
    }

    /// <summary>Reads what has come, answers, and waits for the client to close, so that nothing of the answer is lost by a reset.</summary>
    private static async Task AnswerAsync(TcpClient client, byte[] answer)
    {
        using TcpClient connection = client;
        NetworkStream stream = connection.GetStream();
        try
        {
            byte[] request = new byte[16 * 1024];
            if (await stream.ReadAsync(request) == 0)
            {
                return;
            }

            await stream.WriteAsync(answer);
            connection.Client.Shutdown(SocketShutdown.Send);
            while (await stream.ReadAsync(request) > 0)
            {
                // It is of no interest.
            }
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // The client has had enough.
        }
    }
}
