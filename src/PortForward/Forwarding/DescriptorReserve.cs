using Microsoft.Win32.SafeHandles;

namespace PortForward.Forwarding;

/// <summary>
/// A file descriptor that is held back for the time when there are no others: with it one more client can be accepted, and if that has closed already
/// its descriptor is free again for the next one.
/// </summary>
internal sealed class DescriptorReserve : IDisposable
{
    private readonly Lock _gate = new();
    private SafeFileHandle? _held;
    private bool _isDisposed;

    /// <summary>Holds a descriptor back, unless one is or there is none.</summary>
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

    /// <summary>Gives the descriptor away; false when there is none.</summary>
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
