using System.Buffers.Binary;
using System.Text;

namespace PortForward.WebSockets;

/// <summary>Takes apart what a server sends in a WebSocket whose messages are binary.</summary>
/// <param name="protocol">What the messages belong to, for errors: <c>tunnel</c> or <c>channel</c>.</param>
internal sealed class WebSocketDecoder(string protocol)
{
    /// <summary>The status of a graceful close (RFC 6455, 7.4.1).</summary>
    public const ushort NormalClosure = 1000;

    /// <summary>The beginning of a header whose rest has not come yet.</summary>
    private readonly byte[] _partialHeader = new byte[WebSocketHeader.MaxReadSize];
    private int _partialLength;

    private WebSocketHeader? _frame;
    private long _remaining;
    private bool _isInsideMessage;
    private byte[] _control = [];
    private byte[]? _ping;

    /// <summary>Whether nothing more will come.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Why; null after a graceful close.</summary>
    public IOException? Fault { get; private set; }

    /// <summary>How many PONGs have come.</summary>
    public long Pongs { get; private set; }

    /// <summary>Decodes all of what a server has sent, where the boundaries of messages mean nothing: after a close or a fault the rest is skipped.</summary>
    /// <param name="bytes">What has come. The bytes inside the messages are moved together at its beginning.</param>
    /// <returns>How many those are.</returns>
    public int Decode(Span<byte> bytes) => Decode(bytes, stopsAtMessageEnd: false, out _).Length;

    /// <summary>Decodes what a server has sent up to the end of a message, or as far as it goes.</summary>
    /// <param name="bytes">What has come. The bytes inside the message are moved together at its beginning.</param>
    /// <param name="consumed">How many bytes were decoded: the rest belongs to the messages behind it.</param>
    public WebSocketPart DecodePart(Span<byte> bytes, out int consumed) => Decode(bytes, stopsAtMessageEnd: true, out consumed);

    private WebSocketPart Decode(Span<byte> bytes, bool stopsAtMessageEnd, out int consumed)
    {
        int kept = 0;
        int next = 0;
        bool endsMessage = false;
        try
        {
            while (!HasEnded && !(endsMessage && stopsAtMessageEnd) && (_frame is not null || TryBeginFrame(bytes, ref next)))
            {
                Span<byte> part = bytes.Slice(next, (int)Math.Min(_remaining, bytes.Length - next));
                next += part.Length;
                _remaining -= part.Length;
                if (_frame!.Value.IsControl)
                {
                    part.CopyTo(_control.AsSpan(_control.Length - (int)_remaining - part.Length));
                }
                else
                {
                    part.CopyTo(bytes[kept..]);
                    kept += part.Length;
                }

                if (_remaining > 0)
                {
                    break;
                }

                EndFrame(_frame.Value);
                endsMessage = _frame.Value is { IsControl: false, IsFinal: true };
                _frame = null;
            }
        }
        catch (IOException e)
        {
            End(e);
        }

        consumed = next;
        return new WebSocketPart(kept, endsMessage);
    }

    /// <summary>What a PING carried that was not answered yet; of several only the last one must be (RFC 6455, 5.5.3).</summary>
    public byte[]? TakePing()
    {
        byte[]? ping = _ping;
        _ping = null;
        return ping;
    }

    private bool TryBeginFrame(ReadOnlySpan<byte> bytes, ref int next)
    {
        ReadOnlySpan<byte> source = bytes[next..];
        int before = _partialLength;
        if (before > 0)
        {
            ReadOnlySpan<byte> more = source[..Math.Min(source.Length, _partialHeader.Length - before)];
            more.CopyTo(_partialHeader.AsSpan(before));
            source = _partialHeader.AsSpan(0, before + more.Length);
        }

        if (!WebSocketHeader.TryRead(source, out WebSocketHeader frame, out int size))
        {
            source.CopyTo(_partialHeader);
            _partialLength = source.Length;
            next = bytes.Length;
            return false;
        }

        _partialLength = 0;
        next += size - before;
        Begin(frame);
        return true;
    }

    private void Begin(WebSocketHeader frame)
    {
        if (frame.IsControl)
        {
            _control = frame.Length == 0 ? [] : new byte[frame.Length];
        }
        else if (frame.Opcode == WebSocketOpcode.Continuation != _isInsideMessage)
        {
            throw new WebSocketProtocolException(_isInsideMessage
                ? "the server began a WebSocket message inside of another one (RFC 6455, 5.4)"
                : "the server went on with a WebSocket message that it had not begun (RFC 6455, 5.4)");
        }
        else if (frame.Opcode == WebSocketOpcode.Text)
        {
            throw new IOException($"the server sent a text message, which the {protocol} protocol does not know");
        }

        _frame = frame;
        _remaining = frame.Length;
    }

    private void EndFrame(WebSocketHeader frame)
    {
        switch (frame.Opcode)
        {
            case WebSocketOpcode.Close:
                End(FaultOf(_control));
                break;
            case WebSocketOpcode.Ping:
                _ping = _control;
                break;
            case WebSocketOpcode.Pong:
                Pongs++;
                break;
            default:
                _isInsideMessage = !frame.IsFinal;
                break;
        }
    }

    /// <summary>Why the server closed, in its words; null if gracefully, which no status at all is too.</summary>
    private static IOException? FaultOf(ReadOnlySpan<byte> close)
    {
        if (close.IsEmpty)
        {
            return null;
        }

        if (close.Length < sizeof(ushort))
        {
            throw new WebSocketProtocolException("the server closed the WebSocket with half a status (RFC 6455, 5.5.1)");
        }

        ushort status = BinaryPrimitives.ReadUInt16BigEndian(close);
        return status == NormalClosure
            ? null
            : new IOException($"the server closed the WebSocket with status {status} {UntrustedText.OneLine(Encoding.UTF8.GetString(close[sizeof(ushort)..]))}".TrimEnd());
    }

    private void End(IOException? fault)
    {
        HasEnded = true;
        Fault = fault;
    }
}
