using System.Threading.Channels;

namespace PortForward.Testing.PortForwarding.Spdy;

/// <summary>
/// One stream as the runtimes' library keeps it: frames are handed over without a buffer, so the worker that brings
/// one waits until the consumer takes it.
/// </summary>
internal sealed class SpdyServerStream(SpdyServerSession session, int id, IReadOnlyDictionary<string, string> headers) : IForwardStream
{
    private readonly Channel<byte[]> _frames = Channel.CreateBounded<byte[]>(0);
    private readonly TaskCompletionSource _replied = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private bool _remoteEnded;
    private bool _localEnded;

    public int Id => id;

    public IReadOnlyDictionary<string, string> Headers => headers;

    /// <summary>Set by a session whose SYN_STREAM carried UNIDIRECTIONAL.</summary>
    public void EndLocalFromStart() => _localEnded = true;

    public async ValueTask<byte[]?> ReadAsync(CancellationToken cancellationToken)
    {
        while (await _frames.Reader.WaitToReadAsync(cancellationToken))
        {
            if (_frames.Reader.TryRead(out var frame))
                return frame;
        }

        return null;
    }

    /// <summary>Lets writes begin: a peer drops data frames that come before the SYN_REPLY.</summary>
    public void MarkReplied() => _replied.TrySetResult();

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        await _replied.Task.WaitAsync(cancellationToken);
        await session.WriteDataAsync(id, flags: 0, bytes, cancellationToken);
    }

    public async ValueTask CloseAsync()
    {
        await _replied.Task;
        if (EndLocal())
            await session.WriteDataAsync(id, SpdyFrame.Fin, ReadOnlyMemory<byte>.Empty, CancellationToken.None);
    }

    /// <summary>Ends both directions; RST_STREAM leaves only when the server's own direction was still open.</summary>
    public async ValueTask ResetAsync(SpdyResetStatus status, CancellationToken cancellationToken)
    {
        _replied.TrySetResult();
        _frames.Writer.TryComplete();
        _remoteEnded = true;
        if (EndLocal())
            await session.WriteResetAsync(id, status, cancellationToken);
        session.Forget(this);
    }

    /// <summary>Hands one data frame to the consumer and waits until it has taken it.</summary>
    public async ValueTask DeliverAsync(byte[] bytes)
    {
        try
        {
            await _frames.Writer.WriteAsync(bytes);
        }
        catch (ChannelClosedException)
        {
            // The stream was reset, or the session ended: nobody will read this.
        }
    }

    /// <summary>Notes that the client has ended its direction.</summary>
    /// <returns>False when the client had ended its direction before.</returns>
    public bool EndRemote()
    {
        lock (_lock)
        {
            if (_remoteEnded)
                return false;
            _remoteEnded = true;
        }

        _frames.Writer.TryComplete();
        if (_localEnded)
            session.Forget(this);
        return true;
    }

    public bool RemoteEnded => _remoteEnded;

    /// <summary>The client's RST_STREAM: nothing is answered to it.</summary>
    public void EndByReset()
    {
        _replied.TrySetResult();
        _localEnded = true;
        _remoteEnded = true;
        _frames.Writer.TryComplete();
        session.Forget(this);
    }

    private bool EndLocal()
    {
        bool first;
        lock (_lock)
        {
            first = !_localEnded;
            _localEnded = true;
        }

        if (_remoteEnded)
            session.Forget(this);
        return first;
    }
}
