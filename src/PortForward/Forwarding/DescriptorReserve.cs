using Microsoft.Win32.SafeHandles;

namespace PortForward.Forwarding;

/// <summary>
/// A file descriptor kept for when the process has run out of them. It lets one more client be accepted; if that client has closed already, the descriptor is
/// free for the next one.
/// </summary>
internal sealed class DescriptorReserve : IDisposable
{
    private readonly Lock _gate = new();
    private SafeFileHandle? _held;
    private bool _isDisposed;

    /// <summary>Takes a descriptor into reserve, unless it has one already or none is free.</summary>
    public void Refill()
    {
        lock (_gate)
        {
            if (_held is not null || _isDisposed || OperatingSystem.IsWindows())
            {
                return; // Windows has no such limit.
            }

            try
            {
                _held = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            }
            catch (IOException)
            {
                // None is free; it is tried again before the next client.
            }
        }
    }

    /// <summary>Frees the reserved descriptor; false when there is none.</summary>
    public bool TryRelease()
    {
        lock (_gate)
        {
            SafeFileHandle? held = _held;
            _held = null;
            held?.Dispose();
            return held is not null;
        }
    }

    public void Dispose()
    {
        TryRelease();
        lock (_gate)
        {
            _isDisposed = true;
        }
    }
}
