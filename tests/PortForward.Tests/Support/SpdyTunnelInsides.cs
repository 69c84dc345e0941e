using System.Runtime.CompilerServices;
using PortForward.Spdy;
using PortForward.Tunnels;

namespace PortForward.Tests.Support;

/// <summary>What a tunnel does not show.</summary>
internal static class SpdyTunnelInsides
{
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_session")]
    public static extern ref SpdySession SessionOf(SpdyTunnel tunnel);
}
