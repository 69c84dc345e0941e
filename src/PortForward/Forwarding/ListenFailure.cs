using System.Net.Sockets;

namespace PortForward.Forwarding;

/// <summary>Why an address could not be bound.</summary>
/// <param name="Error">The system's error code.</param>
public readonly record struct ListenFailure(SocketError Error)
{
    /// <summary>Whether another program has the port.</summary>
    public bool InUse => Error == SocketError.AddressAlreadyInUse;

    /// <summary>
    /// Whether the user may not have the port: it may be too low for them, reserved by the system, another program's alone (Windows), or out of bounds for a sandbox.
    /// </summary>
    public bool Denied => Error == SocketError.AccessDenied;

    /// <summary>Whether this machine does not have the address at all, as ::1 on a machine without IPv6.</summary>
    public bool NoSuchAddress => Error is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported or SocketError.ProtocolFamilyNotSupported;

    /// <summary>What there is to say of it beyond the error code; null for nothing.</summary>
    public string? Text { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Text ?? Error switch
    {
        _ when InUse => "address already in use",
        _ when Denied => "permission denied",
        _ when NoSuchAddress => "this machine does not have the address",
        _ => new SocketException((int)Error).Message,
    };
}
