using System.Runtime.CompilerServices;
using PortForward.IO;

namespace PortForward.Forwarding;

/// <summary>
/// The client's side of a connection whose client is code in this process. It costs no socket. What a socket's client is told by FIN and RST is told here by the
/// end of <see cref="ToClient"/>, and by <see cref="End"/>.
/// </summary>
/// <param name="options">The timeouts and the clock.</param>
internal sealed class StreamClientEnd(PortForwarderOptions options) : ClientEnd(options)
{
    private volatile bool _isClosedByClient;
    private volatile StrongBox<ConnectionEnd>? _end;

    /// <summary>What the client sends.</summary>
    public ByteHandoff FromClient { get; } = new();

    /// <summary>What the client receives. It finishes only after a whole answer.</summary>
    public ByteHandoff ToClient { get; } = new();

    /// <summary>How the pod's side has ended, which is known before <see cref="ToClient"/> ends; null while it has not, or when the connection was stopped.</summary>
    public ConnectionEnd? End => _end?.Value;

    public override int Available => FromClient.Available;

    /// <summary>The client closes its side: what it has sent still goes to the pod, and what it is sent is thrown away.</summary>
    public void CloseByClient()
    {
        _isClosedByClient = true;
        FromClient.FinishWithoutRest();
        ToClient.Close();
    }

    public override async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        await FromClient.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) ?? throw new ObjectDisposedException(nameof(StreamClientEnd));

    public override async ValueTask<int> SendAsync(ReadOnlyMemory<byte> data) =>
        await ToClient.WriteAsync(data, CancellationToken.None).ConfigureAwait(false) || _isClosedByClient ? data.Length
            : throw new ObjectDisposedException(nameof(StreamClientEnd));

    public override bool IsClosedByClient() => _isClosedByClient;

    public override bool IsGoneWhileWaiting() => _isClosedByClient;

    public override Task EndAsync(ConnectionEnd end, Task? upload, CancellationToken stop)
    {
        _end = new StrongBox<ConnectionEnd>(end);
        return base.EndAsync(end, upload, stop);
    }

    public override void Close(bool withReset)
    {
        FromClient.Close();
        ToClient.Close();
    }

    protected override bool TryFinish()
    {
        ToClient.Finish();
        return true;
    }

    /// <summary>Nothing is on its way: what was sent was taken.</summary>
    protected override Task WaitUntilSentAsync(CancellationToken stop) => Task.CompletedTask;
}
