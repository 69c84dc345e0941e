using System.Net;
using System.Text;

namespace PortForward.Cluster.Transport;

/// <summary>How a proxy is spoken to.</summary>
internal enum ProxyKind
{
    /// <summary>HTTP: CONNECT for https targets, absolute addresses for http ones.</summary>
    Http,

    /// <summary>HTTP inside TLS.</summary>
    Https,

    /// <summary>SOCKS 5; names are looked up by the proxy, as Go does for socks5 and socks5h alike.</summary>
    Socks5,
}

/// <summary>A proxy on the way to the API server.</summary>
/// <remarks>It may hold a password: its text form is the address without it.</remarks>
internal sealed class ProxyAddress
{
    private ProxyAddress(string url, Uri uri, ProxyKind kind, string origin)
    {
        Url = url;
        Kind = kind;
        Origin = origin;
        int port = uri.IsDefaultPort || uri.Port < 0 ? kind switch { ProxyKind.Http => 80, ProxyKind.Https => 443, _ => 1080 } : uri.Port;
        EndPoint = new DnsEndPoint(uri.IdnHost, port);
        if (uri.UserInfo.Length > 0)
        {
            string[] parts = uri.UserInfo.Split(':', 2);
            Username = Uri.UnescapeDataString(parts[0]);
            Password = parts.Length > 1 ? Uri.UnescapeDataString(parts[1]) : "";
        }
    }

    /// <summary>The address as it was given, password included.</summary>
    public string Url { get; }

    public ProxyKind Kind { get; }

    /// <summary>Who named the proxy, for messages.</summary>
    public string Origin { get; }

    public DnsEndPoint EndPoint { get; }

    public string? Username { get; }

    public string? Password { get; }

    /// <summary>The value of Proxy-Authorization for an HTTP proxy; null if no user is given.</summary>
    public string? Authorization =>
        Username is null ? null : $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Username}:{Password}"))}";

    /// <summary>Reads a proxy's address.</summary>
    /// <exception cref="ClusterException">It is none, or of an unknown kind.</exception>
    public static ProxyAddress Parse(string text, string origin) =>
        TryParse(text, origin) ?? throw new ClusterException($"{origin} is no proxy address: it must be an http, https, socks5 or socks5h URL");

    /// <summary>Reads a proxy's address; null if it is none.</summary>
    public static ProxyAddress? TryParse(string text, string origin)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) || uri.Host.Length == 0)
        {
            return null;
        }

        ProxyKind? kind = uri.Scheme switch
        {
            "http" => ProxyKind.Http,
            "https" => ProxyKind.Https,
            "socks5" or "socks5h" => ProxyKind.Socks5,
            _ => null,
        };
        return kind is { } known ? new ProxyAddress(text, uri, known, origin) : null;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string scheme = Kind switch { ProxyKind.Http => "http", ProxyKind.Https => "https", _ => "socks5" };
        return $"{scheme}://{EndPoint.ToAuthority()}";
    }
}
