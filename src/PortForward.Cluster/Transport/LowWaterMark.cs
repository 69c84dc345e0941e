using System.Net.Sockets;

namespace PortForward.Cluster.Transport;

/// <summary>
/// Has the system wake a connection's reader for every 64 KiB instead of for every segment, in the middle of a long transfer (SO_RCVLOWAT).
/// </summary>
/// <remarks>
/// docs/decisions/0011 has what it saves. It is set only during a long download without uploads: otherwise the reader of a short answer would be woken late.
/// What remains below it once the sender has ended, or pauses, waits for about two of <see cref="Pause"/>. An end of the connection wakes the reader whatever
/// the mark is.
/// </remarks>
internal sealed class LowWaterMark : IDisposable
{
    /// <summary>How much wakes the reader, in bytes.</summary>
    public const int Height = 64 * 1024;

    /// <summary>How many bytes must arrive without anything being sent before a transfer counts as long: 60 ms at full speed, so the last wait matters little.</summary>
    public const int LongTransfer = 16 * 1024 * 1024;

    /// <summary>How much must arrive after a pause in a long transfer, in bytes: a transfer that only trickles from then on must not wait each time.</summary>
    public const int AfterPause = 1024 * 1024;

    /// <summary>
    /// After how long without a byte a sender counts as pausing. A shorter time costs more than it saves, since each check wakes two threads.
    /// </summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(4);

    private readonly Socket _socket;
    private readonly TimeProvider _time;

    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();
    private bool _isOff = !IsSupported;
    private int _needed = LongTransfer;
    private long _received;
    private long _receivedAtCheck;

    /// <summary>Runs while the mark is set.</summary>
    private ITimer? _timer;

    /// <summary>Sets no mark yet.</summary>
    /// <param name="socket">The connection, which stays the caller's.</param>
    /// <param name="time">The clock.</param>
    public LowWaterMark(Socket socket, TimeProvider time)
    {
        _socket = socket;
        _time = time;
    }

    /// <summary>Whether this system has such a mark and wakes the reader when it is lowered, as Linux does since 4.18.</summary>
    public static bool IsSupported { get; } = OperatingSystem.IsLinux() && Environment.OSVersion.Version >= new Version(4, 18);

    /// <summary>Whether the mark is set.</summary>
    public bool IsSet
    {
        get
        {
            lock (_gate)
            {
                return _timer is not null;
            }
        }
    }

    /// <summary>Says that bytes have been read.</summary>
    /// <param name="length">How many.</param>
    public void Receive(int length)
    {
        lock (_gate)
        {
            _received += length;
            if (_received >= _needed && _timer is null && !_isOff && TrySet(Height))
            {
                _receivedAtCheck = _received;
                _timer = _time.CreateTimer(static mark => ((LowWaterMark)mark!).Check(), this, Pause, Pause);
            }
        }
    }

    /// <summary>Says that something is sent, which may bring an answer.</summary>
    public void Send()
    {
        lock (_gate)
        {
            Lower(LongTransfer);
        }
    }

    /// <summary>Leaves the mark as it is: the socket is about to be closed.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isOff = true;
            _timer?.Dispose();
            _timer = null;
        }
    }

    /// <summary>Lowers the mark if nothing was read since the last time: there may be bytes below it, or else nobody reads.</summary>
    private void Check()
    {
        lock (_gate)
        {
            // A check may still come after the mark was lowered.
            if (_timer is not null && _received == _receivedAtCheck)
            {
                Lower(AfterPause);
            }

            _receivedAtCheck = _received;
        }
    }

    /// <summary>Called with the gate held.</summary>
    private void Lower(int needed)
    {
        _received = 0;
        _needed = needed;
        if (_timer is { } timer)
        {
            timer.Dispose();
            _timer = null;
            TrySet(1);
        }
    }

    /// <summary>Sets the mark; false if the system does not take it.</summary>
    private bool TrySet(int height)
    {
        try
        {
            _socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReceiveLowWater, height);
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Not known here, or closed meanwhile: reads go on as they do without.
            _isOff = true;
            return false;
        }
    }
}
