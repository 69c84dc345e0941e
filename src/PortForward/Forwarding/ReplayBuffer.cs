using System.Buffers;

namespace PortForward.Forwarding;

/// <summary>
/// Keeps what a client has sent so far, so that it can be sent to another pod. It is released when it overflows, and when the pod's first byte proves that the
/// application has the connection.
/// </summary>
internal sealed class ReplayBuffer
{
    /// <summary>The most that is kept, in bytes: a request's head and a small body.</summary>
    public const int Capacity = 64 * 1024;

    private readonly Lock _gate = new();
    private ArrayBufferWriter<byte>? _bytes;
    private bool _released;

    /// <summary>All that the client has sent; null once the buffer was released or has overflowed.</summary>
    public ReadOnlyMemory<byte>? All
    {
        get
        {
            lock (_gate)
            {
                // Not as one expression: there a null would become an empty memory.
                if (_released)
                {
                    return null;
                }

                return _bytes?.WrittenMemory ?? ReadOnlyMemory<byte>.Empty;
            }
        }
    }

    /// <summary>Keeps more bytes, or releases the buffer when they do not fit.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (_released || bytes.IsEmpty)
            {
                return;
            }

            if ((_bytes?.WrittenCount ?? 0) + bytes.Length > Capacity)
            {
                ReleaseNow();
                return;
            }

            (_bytes ??= new ArrayBufferWriter<byte>(bytes.Length)).Write(bytes);
        }
    }

    /// <summary>Keeps nothing from now on.</summary>
    public void Release()
    {
        lock (_gate)
        {
            ReleaseNow();
        }
    }

    private void ReleaseNow()
    {
        _released = true;
        _bytes = null;
    }
}
