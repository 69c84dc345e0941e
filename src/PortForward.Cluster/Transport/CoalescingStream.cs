using System.Buffers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace PortForward.Cluster.Transport;

/// <summary>
/// A connection below TLS that makes fewer system calls: it reads ahead, and it coalesces the records of one write. TLS itself reads and writes one record of
/// at most 16 KiB at a time, and most records of servers are far smaller.
/// </summary>
/// <remarks>Like any stream it is for one reader and one writer at a time. A connection that waits for its peer holds no buffer.</remarks>
internal sealed class CoalescingStream : NetworkStream
{
    /// <summary>How much is read, and coalesced, at once, in bytes: eight of TLS's records (docs/decisions/0011).</summary>
    private const int Size = 128 * 1024;

    /// <summary>How many bytes in one read tell that a transfer is under way: half a record.</summary>
    private const int BusyRead = 8 * 1024;

    private readonly LowWaterMark _mark;
    private byte[]? _ahead;
    private int _start;
    private int _end;

    /// <summary>Whether the last read got at least as much as its caller had room for.</summary>
    private bool _mayBeMore;

    /// <summary>Whether the last read got so much that the next one is likely to get some at once, or soon.</summary>
    private bool _isBusy;

    private byte[]? _coalesced;
    private int _coalescedLength;
    private bool _coalesces;

    /// <summary>Takes a connected socket, which it owns from now on.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="time">The clock, which tells a long transfer from one that has come to an end.</param>
    public CoalescingStream(Socket socket, TimeProvider time)
        : base(socket, ownsSocket: true)
    {
        _mark = new LowWaterMark(socket, time);
    }

    /// <summary>Buffers what is written from now on, as far as there is room, until <see cref="SendCoalescedAsync"/>.</summary>
    public void Coalesce() => _coalesces = true;

    /// <summary>Sends what was buffered; what is written from now on is sent at once.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask SendCoalescedAsync(CancellationToken cancellationToken)
    {
        _coalesces = false;
        if (_coalesced is not { } coalesced)
        {
            return;
        }

        _coalesced = null;
        int length = _coalescedLength;
        _coalescedLength = 0;
        try
        {
            await base.WriteAsync(coalesced.AsMemory(0, length), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(coalesced);
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// TLS waits with an empty buffer and rents its own only when there is something to read. In the middle of a transfer this skips that wait, so that each
    /// wait for the peer costs two system calls instead of three. So once the transfer is over, TLS keeps its 32 KiB until the next bytes come, which is the
    /// reply to a PING at the latest.
    /// </remarks>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _ahead is not null ? ValueTask.FromResult(TakeAhead(buffer.Span))
        : buffer.IsEmpty ? _isBusy ? ValueTask.FromResult(0) : base.ReadAsync(buffer, cancellationToken)
        : _mayBeMore ? ReadAheadAsync(buffer, cancellationToken)
        : ReceiveAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _mark.Send();
        if (!_coalesces)
        {
            return base.WriteAsync(buffer, cancellationToken);
        }

        _coalesced ??= ArrayPool<byte>.Shared.Rent(Size);
        if (buffer.Length > _coalesced.Length - _coalescedLength)
        {
            return SendBothAsync(buffer, cancellationToken);
        }

        buffer.Span.CopyTo(_coalesced.AsSpan(_coalescedLength));
        _coalescedLength += buffer.Length;
        return ValueTask.CompletedTask;
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _mark.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Sends what was buffered and what there was no room for.</summary>
    private async ValueTask SendBothAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        await SendCoalescedAsync(cancellationToken).ConfigureAwait(false);
        _coalesces = true;
        await base.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        int received = await base.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        Learn(received, buffer.Length);
        return received;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadAheadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        // It waits without a buffer, so that an idle connection holds none of this size.
        await base.ReadAsync(Memory<byte>.Empty, cancellationToken).ConfigureAwait(false);
        byte[] ahead = ArrayPool<byte>.Shared.Rent(Size);
        int received = 0;
        try
        {
            received = await base.ReadAsync(ahead.AsMemory(0, Size), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (received <= buffer.Length)
            {
                ahead.AsSpan(0, received).CopyTo(buffer.Span);
                ArrayPool<byte>.Shared.Return(ahead);
            }
        }

        Learn(received, buffer.Length);
        if (received <= buffer.Length)
        {
            return received;
        }

        (_ahead, _start, _end) = (ahead, 0, received);
        return TakeAhead(buffer.Span);
    }

    private void Learn(int received, int room)
    {
        _mark.Receive(received);
        _mayBeMore = received >= room;
        _isBusy = received >= BusyRead;
    }

    private int TakeAhead(Span<byte> destination)
    {
        int length = Math.Min(destination.Length, _end - _start);
        _ahead.AsSpan(_start, length).CopyTo(destination);
        _start += length;
        if (_start == _end)
        {
            ArrayPool<byte>.Shared.Return(_ahead!);
            _ahead = null;
        }

        return length;
    }
}
