using PortForward.Tunnels;

namespace PortForward.Forwarding;

/// <summary>A forward could not start; the message says why in one sentence.</summary>
public sealed class PortForwardException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">One sentence.</param>
    public PortForwardException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception for a tunnel that could not be opened.</summary>
    /// <param name="fault">Why it could not.</param>
    public PortForwardException(TunnelFault fault)
        : base((fault ?? throw new ArgumentNullException(nameof(fault))).Message, fault.Cause) => Fault = fault;

    /// <summary>Why the first tunnel could not be opened; null when that was not the reason.</summary>
    public TunnelFault? Fault { get; }
}
