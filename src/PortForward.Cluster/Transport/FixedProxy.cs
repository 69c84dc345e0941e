using System.Net;

namespace PortForward.Cluster.Transport;

/// <summary>Tells the HTTP handler that requests go to a proxy, so that it writes whole addresses into them. Who connects to it is <see cref="ServerDialer"/>.</summary>
internal sealed class FixedProxy(DnsEndPoint endPoint) : IWebProxy
{
    private readonly Uri _uri = new($"http://{endPoint.ToAuthority()}");

    /// <summary>None: they are sent with each request, without waiting to be asked.</summary>
    public ICredentials? Credentials { get => null; set => throw new NotSupportedException(); }

    public Uri? GetProxy(Uri destination) => _uri;

    public bool IsBypassed(Uri host) => false;
}
