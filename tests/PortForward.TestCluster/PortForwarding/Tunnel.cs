using System.Net.Sockets;
using PortForward.Testing.PortForwarding.Spdy;

namespace PortForward.Testing.PortForwarding;

/// <summary>What carries a tunnel.</summary>
public enum TunnelKind
{
    /// <summary>SPDY inside WebSocket messages, <c>SPDY/3.1+portforward.k8s.io</c>.</summary>
    WebSocketTunnel,

    /// <summary>SPDY on the upgraded connection itself.</summary>
    Spdy,

    /// <summary>WebSocket channels, <c>v4.channel.k8s.io</c>.</summary>
    Channels,
}

/// <summary>One upgraded connection of a client, with the faults a test can inflict on it.</summary>
public sealed class Tunnel
{
    private readonly Socket? _socket;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closing;
    private readonly List<string> _violations = [];

    internal Tunnel(TunnelKind kind, string podNamespace, string pod, string user, TunnelStream stream, Socket? socket, CancellationTokenSource closing)
    {
        Kind = kind;
        Namespace = podNamespace;
        Pod = pod;
        User = user;
        Stream = stream;
        _socket = socket;
        _closing = closing;
    }

    /// <summary>How the client reached the pod.</summary>
    public TunnelKind Kind { get; }

    /// <summary>The pod's namespace.</summary>
    public string Namespace { get; }

    /// <summary>The pod's name.</summary>
    public string Pod { get; }

    /// <summary>Who opened the tunnel.</summary>
    public string User { get; }

    /// <summary>SPDY streams that are not ended on both sides; 0 for channels.</summary>
    public int OpenStreams => Session?.OpenStreams ?? 0;

    /// <summary>Tunnel bytes from the client so far, frames included.</summary>
    public long BytesFromClient => Stream.BytesRead;

    /// <summary>Tunnel bytes to the client so far, frames included.</summary>
    public long BytesToClient => Stream.BytesWritten;

    /// <summary>Breaches of the protocol by the client, in the order in which they were noticed.</summary>
    public IReadOnlyList<string> Violations
    {
        get
        {
            lock (_violations)
                return [.. _violations];
        }
    }

    /// <summary>Completes when the tunnel is over.</summary>
    public Task Ended => _ended.Task;

    internal TunnelStream Stream { get; }

    internal SpdyServerSession? Session { get; set; }

    internal CancellationToken Closing => _closing.Token;

    /// <summary>Cuts the connection with a TCP reset.</summary>
    public void Cut()
    {
        if (_socket is null)
            throw new InvalidOperationException("The server gave no access to this connection's socket.");
        try
        {
            _socket.LingerState = new LingerOption(enable: true, seconds: 0);
            _socket.Close();
        }
        catch (ObjectDisposedException)
        {
            // It had ended already.
        }

        Stream.Thaw();
        _closing.Cancel();
    }

    /// <summary>Ends the tunnel from the server's side in order, as when the API server is shut down: for a WebSocket with close code 1000.</summary>
    public void Close()
    {
        Stream.Thaw();
        _closing.Cancel();
    }

    /// <summary>Stops reading and writing, while the TCP connection stays: a network that has died silently.</summary>
    public void Freeze() => Stream.Freeze();

    /// <summary>Ends a freeze; what waited goes on.</summary>
    public void Thaw() => Stream.Thaw();

    /// <summary>Writes bytes between two SPDY frames as they are: garbage, or the beginning of a frame before a <see cref="Cut"/>.</summary>
    public Task WriteRawAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default) =>
        NeedSession().WriteRawAsync(bytes, cancellationToken);

    /// <summary>Says GOAWAY, and goes on serving what is open.</summary>
    public Task GoAwayAsync(CancellationToken cancellationToken = default) => NeedSession().WriteGoAwayAsync(cancellationToken);

    /// <summary>Sends a PING of the server's own; its id must be even.</summary>
    public Task PingAsync(int id, CancellationToken cancellationToken = default) => NeedSession().WritePingAsync(id, cancellationToken);

    /// <summary>Resets one of the client's streams.</summary>
    public Task ResetStreamAsync(int streamId, CancellationToken cancellationToken = default) =>
        NeedSession().WriteResetAsync(streamId, SpdyResetStatus.InternalError, cancellationToken);

    internal void AddViolation(string violation)
    {
        lock (_violations)
            _violations.Add(violation);
    }

    internal void End() => _ended.TrySetResult();

    private SpdyServerSession NeedSession() =>
        Session ?? throw new InvalidOperationException("Channels have no SPDY frames.");
}
