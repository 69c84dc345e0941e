using System.Runtime.InteropServices;

namespace PortForward.Cli.Commands;

/// <summary>The numbers of signals, which are the same on all systems that have them.</summary>
internal static class SignalNumber
{
    /// <summary>What a shell adds to a signal's number for a program that it has ended.</summary>
    public const int Ended = 128;

    /// <summary>The signal that no program can hold off.</summary>
    public const int Kill = 9;

    /// <summary>The number of a signal.</summary>
    public static int Of(PosixSignal signal) => signal switch
    {
        PosixSignal.SIGHUP => 1,
        PosixSignal.SIGINT => 2,
        PosixSignal.SIGQUIT => 3,
        PosixSignal.SIGTERM => 15,
        _ => throw new ArgumentOutOfRangeException(nameof(signal), signal, "This signal is not listened to."),
    };
}
