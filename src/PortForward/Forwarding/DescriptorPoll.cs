using System.Runtime.InteropServices;

namespace PortForward.Forwarding;

/// <summary>What may be done with a descriptor, and what has happened to it. Windows has no descriptors.</summary>
internal static partial class DescriptorPoll
{
    /// <summary>Something can be read, or written: POLLIN and POLLOUT.</summary>
    public const short Readable = 0x1, Writable = 0x4;

    /// <summary>The other end has failed, or has gone: POLLERR and POLLHUP, which are told whether they are asked for or not.</summary>
    public const short Failed = 0x8, HungUp = 0x10;

    private const int Interrupted = 4; // EINTR

    /// <summary>Says at once what is so of a descriptor.</summary>
    public static short Look(int descriptor, short events) => Wait(descriptor, events, milliseconds: 0);

    /// <summary>Waits until one of some events is so of a descriptor, or its other end has failed or gone.</summary>
    /// <returns>What is so.</returns>
    public static short Wait(int descriptor, short events) => Wait(descriptor, events, milliseconds: -1);

    private static short Wait(int descriptor, short events, int milliseconds)
    {
        var polled = new Polled(descriptor, events, Occurred: 0);
        int found;
        do
        {
            found = Poll(ref polled, 1, milliseconds);
        }
        while (found < 0 && Marshal.GetLastPInvokeError() == Interrupted);
        return polled.Occurred;
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref Polled polled, nuint count, int milliseconds);

    /// <summary>A <c>struct pollfd</c>.</summary>
    private record struct Polled(int Descriptor, short Events, short Occurred);
}
