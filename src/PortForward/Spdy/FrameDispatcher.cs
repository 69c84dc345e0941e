using System.Runtime.CompilerServices;

namespace PortForward.Spdy;

/// <summary>
/// The reading half of a session: one loop takes frames from the transport and does what each one says. It hands data to the streams, and waits for a stream
/// whose consumer does not read.
/// </summary>
internal sealed class FrameDispatcher
{
    /// <summary>How many bytes of a control frame's body matter at most; header blocks behind them are skipped unread.</summary>
    public const int ControlHeadSize = 8;

    private readonly SpdySession _session;
    private readonly PingExchange _pings;
    private readonly TransportReader _reader;

    /// <summary>The stream whose consumer does not know yet of the last bytes.</summary>
    private SpdyStream? _unflushed;

    /// <summary>Creates one that does not read yet.</summary>
    /// <param name="session">The session whose streams get the data.</param>
    /// <param name="pings">Handles PINGs.</param>
    /// <param name="transport">What is read; it stays the session's.</param>
    public FrameDispatcher(SpdySession session, PingExchange pings, Stream transport)
    {
        _session = session;
        _pings = pings;
        _reader = new TransportReader(transport, FlushAsync, session.Options.ReceiveBufferSize);
    }

    /// <summary>How many bytes have arrived so far.</summary>
    public long BytesReceived => _reader.Received;

    /// <summary>Whether the loop waits for the peer at this moment, and not for a consumer that does not read.</summary>
    public bool IsReading => _reader.IsWaiting;

    /// <summary>Handles frames until the transport ends between two of them.</summary>
    /// <exception cref="Exception">The transport failed, or what came is no legal SPDY/3.1.</exception>
    public async Task RunAsync()
    {
        try
        {
            while (await _reader.FillAsync(FrameHeader.Size).ConfigureAwait(false))
            {
                var header = FrameHeader.Read(_reader.Take(FrameHeader.Size).Span);
                if (header.IsControl)
                {
                    await ReadControlFrameAsync(header).ConfigureAwait(false);
                }
                else
                {
                    await ReadDataFrameAsync(header).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            _reader.Release();
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ReadDataFrameAsync(FrameHeader header)
    {
        SpdyStream? stream = _session.Find(header.StreamId);
        int remaining = header.Length;
        while (remaining > 0)
        {
            ReadOnlyMemory<byte> part = await _reader.TakeSomeAsync(remaining).ConfigureAwait(false);
            remaining -= part.Length;

            // A stream that this side has reset may still receive for a while: the bytes are skipped.
            if (stream is not null)
            {
                if (_unflushed != stream)
                {
                    await FlushAsync().ConfigureAwait(false);
                    _unflushed = stream;
                }

                // At most one read: bytes that the consumer does not know of do not count against the stream's buffer.
                stream.Deliver(part);
                if (stream.Undelivered >= _session.Options.ReceiveBufferSize)
                {
                    await FlushAsync().ConfigureAwait(false);
                }
            }
        }

        if (stream is not null && header.Flags.HasFlag(FrameFlags.Fin))
        {
            await FlushAsync().ConfigureAwait(false);
            _session.EndStream(stream, new StreamEnd(StreamEndKind.Finished));
        }
    }

    /// <summary>
    /// Tells a consumer of the bytes that have come for it. Frames arrive in small pieces; those that are there already go to the client in one send, which
    /// saves half of the sends per GB downloaded.
    /// </summary>
    private ValueTask FlushAsync()
    {
        SpdyStream? stream = _unflushed;
        _unflushed = null;
        return stream is null ? ValueTask.CompletedTask : stream.FlushAsync();
    }

    private async ValueTask ReadControlFrameAsync(FrameHeader header)
    {
        int headSize = Math.Min(header.Length, ControlHeadSize);
        await _reader.FillInsideFrameAsync(headSize).ConfigureAwait(false);
        HandleControlFrame(header, _reader.Take(headSize).Span);

        int remaining = header.Length - headSize;
        while (remaining > 0)
        {
            remaining -= (await _reader.TakeSomeAsync(remaining).ConfigureAwait(false)).Length;
        }
    }

    /// <summary>Acts on a control frame, given the first bytes of its body (all of them for the types of fixed length).</summary>
    private void HandleControlFrame(FrameHeader header, ReadOnlySpan<byte> head)
    {
        ControlFrames.RequireLength(header);
        switch (header.Type)
        {
            case FrameType.SynReply:
            case FrameType.Headers:
                if (_session.Find(ControlFrames.ReadStreamId(head)) is { } replied)
                {
                    replied.NoteReceived();
                    _session.Workers.Acknowledge(replied.Id, replied.OpeningFrame);
                    if (header.Flags.HasFlag(FrameFlags.Fin))
                    {
                        _session.EndStream(replied, new StreamEnd(StreamEndKind.Finished));
                    }
                }

                break;

            case FrameType.RstStream:
                (uint streamId, ResetStatus status) = ControlFrames.ReadRstStream(head);
                if (_session.Find(streamId) is { } reset)
                {
                    _session.EndStream(reset, new StreamEnd(StreamEndKind.ResetByPeer, status));
                }

                break;

            case FrameType.Ping:
                _pings.OnPing(ControlFrames.ReadPing(head));
                break;

            case FrameType.GoAway:
                (uint lastGood, uint reason) = ControlFrames.ReadGoAway(head);
                _session.OnGoAway(lastGood, reason);
                break;

            case FrameType.SynStream:
                // Servers open no streams towards a client of port forwarding.
                _session.SendReset(ControlFrames.ReadStreamId(head), ResetStatus.RefusedStream);
                break;

            case FrameType.Settings:
            case FrameType.WindowUpdate:
            default:
                // Neither side of port forwarding uses them; unknown types are to be ignored (2.2.1).
                break;
        }
    }
}
