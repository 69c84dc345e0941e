using System.Net.Sockets;

namespace PortForward.Fuzzing.Support;

/// <summary>A server on the loopback that answers each connection once, with the bytes that are next.</summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    private readonly IReadOnlyList<byte[]> _answers;
    private readonly LoopbackListener _listener;
    private int _connections;

    /// <summary>Begins to listen.</summary>
    /// <param name="answers">What to answer, and at its end again from the beginning.</param>
    public LoopbackServer(IReadOnlyList<byte[]> answers)
    {
        _answers = answers;
        _listener = new LoopbackListener((socket, ended) => AnswerAsync(socket, _answers[(Interlocked.Increment(ref _connections) - 1) % _answers.Count], ended));
    }

    public int Port => _listener.Port;

    /// <summary>How many connections have come.</summary>
    public int Connections => Volatile.Read(ref _connections);

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    /// <summary>Reads what has come, answers, and waits for the client to close, so that nothing of the answer is lost by a reset.</summary>
    private static async Task AnswerAsync(Socket client, byte[] answer, CancellationToken ended)
    {
        byte[] request = new byte[16 * 1024];
        if (await client.ReceiveAsync(request, ended) == 0)
        {
            return;
        }

        await client.SendAsync(answer, ended);
        client.Shutdown(SocketShutdown.Send);
        while (await client.ReceiveAsync(request, ended) > 0)
        {
            // It is of no interest.
        }
    }
}
