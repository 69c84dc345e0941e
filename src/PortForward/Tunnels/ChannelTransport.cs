using PortForward.IO;

namespace PortForward.Tunnels;

/// <summary>The bytes below a WebSocket of channels. It knows from the frames that go by whether the peer has taken what was sent.</summary>
/// <remarks>
/// .NET's WebSocket sends the PINGs and keeps the PONGs to itself. The kubelet reads one frame after the other and hands each to the application before
/// the next: a PONG says that all that went out before its PING was taken.
/// </remarks>
internal sealed class ChannelTransport : CountingStream
{
    private readonly WebSocketFrames _outgoing;
    private readonly WebSocketFrames _incoming;
    private long _pings;
    private long _pongs;

    /// <summary>How many PINGs had gone out before the last data; -1 as long as there was none.</summary>
    private long _pingsBeforeData = -1;

    public ChannelTransport(Stream inner)
        : base(inner)
    {
        _outgoing = new WebSocketFrames(OnSent);
        _incoming = new WebSocketFrames(OnReceived);
    }

    /// <summary>Whether data is on its way that the peer may not have taken yet.</summary>
    public bool HasUnconfirmedData => Interlocked.Read(ref _pongs) <= Interlocked.Read(ref _pingsBeforeData);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int read = await base.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        _incoming.Follow(buffer.Span[..read]);
        return read;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _outgoing.Follow(buffer.Span);
        return base.WriteAsync(buffer, cancellationToken);
    }

    private void OnSent(byte opcode, ulong length)
    {
        if (opcode == WebSocketFrames.Ping)
        {
            Interlocked.Increment(ref _pings);
        }
        else if (WebSocketFrames.IsData(opcode) && length > 0)
        {
            Interlocked.Exchange(ref _pingsBeforeData, Interlocked.Read(ref _pings));
        }
    }

    private void OnReceived(byte opcode, ulong length)
    {
        // One that answers no PING (RFC 6455, section 5.5.3) says nothing.
        if (opcode == WebSocketFrames.Pong && Interlocked.Read(ref _pongs) < Interlocked.Read(ref _pings))
        {
            Interlocked.Increment(ref _pongs);
        }
    }
}
