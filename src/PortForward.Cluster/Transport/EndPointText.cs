using System.Net;

namespace PortForward.Cluster.Transport;

/// <summary>End points as text.</summary>
internal static class EndPointText
{
    /// <summary><c>host:port</c>, with an IPv6 address in brackets.</summary>
    public static string ToAuthority(this DnsEndPoint endPoint) =>
        endPoint.Host.Contains(':') ? $"[{endPoint.Host.Trim('[', ']')}]:{endPoint.Port}" : $"{endPoint.Host}:{endPoint.Port}";
}
