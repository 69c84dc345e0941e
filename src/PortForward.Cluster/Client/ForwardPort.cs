using System.Net;

namespace PortForward.Cluster;

/// <summary>One port of a forward.</summary>
/// <param name="Name">The port's name in the service or the pod; null if it has none.</param>
/// <param name="Number">The port's number in the service, or in the pod if the target is none.</param>
/// <param name="Local">Where it listens, random ports resolved, one end point for each address; none if it could not be listened on.</param>
public sealed record ForwardPort(string? Name, int Number, IReadOnlyList<IPEndPoint> Local)
{
    /// <summary>An address of this machine under which it is reached.</summary>
    /// <exception cref="InvalidOperationException">It could not be listened on.</exception>
    public string Host => First.Address is var address && address.Equals(IPAddress.Any) ? IPAddress.Loopback.ToString()
        : address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback.ToString()
        : address.ToString();

    /// <summary>The local port.</summary>
    /// <exception cref="InvalidOperationException">It could not be listened on.</exception>
    public int Port => First.Port;

    private IPEndPoint First => Local is [var first, ..] ? first : throw new InvalidOperationException($"The port {Number} has no local port: it could not be listened on.");
}
