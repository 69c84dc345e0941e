namespace PortForward.IO;

/// <summary>
/// One direction of a connection between two ends in this process. Bytes go straight from the writer's memory into the reader's, so that nothing is buffered and
/// the writer feels a slow reader. There is one writer and one reader at a time; each member may be called at any moment.
/// </summary>
internal sealed class ByteHandoff
{
    private readonly AsyncSignal _changed = new();
    private readonly Lock _gate = new();

    /// <summary>What the writer has offered and nobody has taken yet; it is the writer's memory.</summary>
    private ReadOnlyMemory<byte> _offered;
    private bool _isRefused;
    private bool _isFinished;
    private bool _isClosed;

    /// <summary>How many bytes are offered now.</summary>
    public int Available
    {
        get
        {
            lock (_gate)
            {
                return _offered.Length;
            }
        }
    }

    /// <summary>Offers bytes, and waits until the reader has taken them all.</summary>
    /// <returns>False when nobody takes them any more.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled; some of the bytes may have been taken.</exception>
    /// <exception cref="InvalidOperationException">Another write is under way.</exception>
    public async ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            if (!_offered.IsEmpty)
            {
                throw new InvalidOperationException("Only one write may be under way at a time.");
            }

            if (_isClosed || _isFinished)
            {
                return false;
            }

            _offered = bytes;
        }

        _changed.Signal();
        try
        {
            while (true)
            {
                Task changed = _changed.Next;
                lock (_gate)
                {
                    if (_offered.IsEmpty)
                    {
                        return !_isRefused;
                    }
                }

                await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            lock (_gate)
            {
                _offered = default; // The memory is the caller's again.
            }

            throw;
        }
    }

    /// <summary>Takes bytes that are offered, or waits for some. An empty buffer waits likewise, and takes none.</summary>
    /// <returns>How many bytes; 0 once the writer has finished; null when the connection was closed before.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled; no byte is lost.</exception>
    public async ValueTask<int?> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Task changed = _changed.Next;
            lock (_gate)
            {
                if (!_offered.IsEmpty)
                {
                    return Take(buffer.Span);
                }

                if (_isFinished)
                {
                    return 0;
                }

                if (_isClosed)
                {
                    return null;
                }
            }

            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Ends the direction gracefully: the reader sees the end once it has taken what is offered.</summary>
    public void Finish()
    {
        lock (_gate)
        {
            _isFinished |= !_isClosed;
        }

        _changed.Signal();
    }

    /// <summary>Ends the direction gracefully, and takes back what nobody has taken yet: the writer's memory is its own again.</summary>
    public void FinishWithoutRest()
    {
        lock (_gate)
        {
            _isFinished |= !_isClosed;
            _isRefused |= !_offered.IsEmpty;
            _offered = default;
        }

        _changed.Signal();
    }

    /// <summary>Ends the direction at once. What nobody has taken is lost; an end that was graceful stays one.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            _isRefused |= !_offered.IsEmpty;
            _offered = default;
        }

        _changed.Signal();
    }

    private int Take(Span<byte> buffer)
    {
        int length = Math.Min(buffer.Length, _offered.Length);
        _offered.Span[..length].CopyTo(buffer);
        _offered = _offered[length..];
        if (_offered.IsEmpty)
        {
            _changed.Signal();
        }

        return length;
    }
}
