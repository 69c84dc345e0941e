using System.Runtime.InteropServices;

namespace PortForward.Cli.Commands;

/// <summary>
/// Turns the system's requests to end (SIGINT, SIGTERM, SIGHUP; on Windows Ctrl-C, Ctrl-Break and the closing of the console) into
/// a token. On Windows the process lives only as long as the handler of a closing console runs, so handlers stay until the end is done.
/// </summary>
internal sealed class TerminationSignals : IDisposable
{
    /// <summary>
    /// How long the program may take to end gracefully when it has nothing open, or was told twice. It may never come to it: a file that it reads may
    /// be a pipe that nobody writes to, or lie on a server that is gone, and no reading of it can be cancelled.
    /// </summary>
    private static readonly TimeSpan LastLimit = TimeSpan.FromSeconds(1);

    /// <summary>How long a closing console waits for the program. Windows itself ends it after five seconds.</summary>
    private static readonly TimeSpan ConsoleCloseLimit = TimeSpan.FromSeconds(4);

    /// <summary>
    /// A SIGTERM that comes this soon after another is the same request: <c>timeout</c> sends it to its child and then to its group, and so do supervisors. A user's
    /// second Ctrl-C is always meant.
    /// </summary>
    private static readonly TimeSpan SameRequest = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _requested = new();
    private readonly CancellationTokenSource _repeated = new();
    private readonly ManualResetEventSlim _done = new();
    private readonly TimeSpan _lastLimit;
    private readonly Action _exit;
    private readonly TimeProvider _time;
    private readonly PosixSignalRegistration[] _registrations = [];
    private volatile bool _hasListeners;

    /// <summary>Guards who takes signals: each goes either to the program or to the command, and none is lost when that changes.</summary>
    private readonly Lock _gate = new();
    private Action<PosixSignal>? _passOn;
    private readonly List<PosixSignal> _come = [];
    private long? _lastTermination;

    /// <summary>Listens for signals from now on.</summary>
    /// <param name="exitCode">The exit code for a signal that ends the program though it cannot end gracefully.</param>
    public TerminationSignals(Func<PosixSignal?, int> exitCode)
        : this(LastLimit, static () => { }, TimeProvider.System)
    {
        _exit = () => Environment.Exit(exitCode(Received));
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, Handle),
            PosixSignalRegistration.Create(PosixSignal.SIGQUIT, Handle),
        ];
    }

    /// <summary>Hears only what <see cref="Receive"/> is told.</summary>
    internal TerminationSignals(TimeSpan lastLimit, Action exit, TimeProvider time)
    {
        _lastLimit = lastLimit;
        _time = time;
        _exit = exit;
    }

    /// <summary>The first signal; null if there was none.</summary>
    public PosixSignal? Received { get; private set; }

    /// <summary>Cancelled when the program is to end.</summary>
    public CancellationToken Requested => _requested.Token;

    /// <summary>Cancelled when that was asked for a second time: at once, whatever is still under way.</summary>
    public CancellationToken Repeated => _repeated.Token;

    /// <summary>Says that clients may have connected from now on: the first signal lets them end gracefully, however long that takes.</summary>
    public void ListenersOpened() => _hasListeners = true;

    /// <summary>Signals are for a command from now on, which decides when the program ends. Those that have come already are passed on at once.</summary>
    /// <param name="receiver">Takes them.</param>
    /// <param name="early">Takes those that have come already: when they came there was no command to which anybody else could have delivered them.</param>
    public void PassOnTo(Action<PosixSignal> receiver, Action<PosixSignal>? early = null)
    {
        PosixSignal[] come;
        lock (_gate)
        {
            come = [.. _come];
            _come.Clear();
            _passOn = receiver;
        }

        Array.ForEach(come, early ?? receiver);
    }

    /// <summary>Asks for the end from inside the program, without letting anything come to its own end first.</summary>
    public void RequestAtOnce()
    {
        Request();
        Request();
    }

    /// <summary>The user, or the system, asks for the end, of the program or of its command.</summary>
    internal void Receive(PosixSignal signal)
    {
        Action<PosixSignal>? receiver;
        lock (_gate)
        {
            if (signal == PosixSignal.SIGTERM && IsSameRequest())
            {
                return;
            }

            receiver = _passOn;
            if (receiver is null)
            {
                Received ??= signal;
                _come.Add(signal);
            }
        }

        if (receiver is not null)
        {
            receiver(signal);
            return;
        }

        if (_requested.IsCancellationRequested || !_hasListeners)
        {
            // A thread of its own: this one may go on with code that has waited for the token, and the pool's may all be blocked.
            new Thread(EndSoon) { IsBackground = true, Name = "end" }.Start();
        }

        Request();
    }

    private void Request()
    {
        try
        {
            (_requested.IsCancellationRequested ? _repeated : _requested).Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The program has ended meanwhile.
        }
    }

    public void Dispose()
    {
        _done.Set();
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _requested.Dispose();
        _repeated.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        // SIGQUIT is Ctrl-Break on Windows; elsewhere it stays what it is, the user's way to end a program at once.
        if (context.Signal == PosixSignal.SIGQUIT && !OperatingSystem.IsWindows() && !IsForCommand)
        {
            return;
        }

        context.Cancel = true;
        Receive(context.Signal);
        if (OperatingSystem.IsWindows() && context.Signal is PosixSignal.SIGHUP or PosixSignal.SIGTERM)
        {
            _done.Wait(ConsoleCloseLimit);
        }
    }

    private bool IsForCommand
    {
        get
        {
            lock (_gate)
            {
                return _passOn is not null;
            }
        }
    }

    private bool IsSameRequest()
    {
        long now = _time.GetTimestamp();
        if (_lastTermination is { } last && _time.GetElapsedTime(last, now) < SameRequest)
        {
            return true;
        }

        _lastTermination = now;
        return false;
    }

    private void EndSoon()
    {
        if (!_done.Wait(_lastLimit) && !IsForCommand)
        {
            _exit();
        }
    }
}
