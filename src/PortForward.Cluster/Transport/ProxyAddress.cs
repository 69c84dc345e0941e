using System.Net;

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
    private ProxyAddress(Uri uri, UrlUser? user, ProxyKind kind, string origin)
    {
        User = user;
        Kind = kind;
        Origin = origin;
        int port = uri.IsDefaultPort || uri.Port < 0 ? kind switch { ProxyKind.Http => 80, ProxyKind.Https => 443, _ => 1080 } : uri.Port;
        EndPoint = new DnsEndPoint(uri.IdnHost, port);
    }

    public ProxyKind Kind { get; }

    /// <summary>Who named the proxy, for messages.</summary>
    public string Origin { get; }

    public DnsEndPoint EndPoint { get; }

    /// <summary>Who asks; null if the address does not say.</summary>
    public UrlUser? User { get; }

    /// <summary>Reads a proxy's address.</summary>
    /// <exception cref="ClusterException">It is none, or of an unknown kind.</exception>
    public static ProxyAddress Parse(string text, string origin)
    {
        UrlUser? user = UrlUser.TakeOut(text, out string rest);
        ProxyKind? kind = rest.Split("://", 2)[0].Trim().ToLowerInvariant() switch
        {
            "http" => ProxyKind.Http,
            "https" => ProxyKind.Https,
            "socks5" or "socks5h" => ProxyKind.Socks5,
            _ => null,
        };

        // An @ that is left belongs to a password with a character that has ended the host's part.
        return kind is { } known && !rest.Contains('@') && HostUrl.TryParse(rest, out Uri? uri)
            ? new ProxyAddress(uri, user, known, origin)
            : throw Invalid(text, origin);
    }

    /// <summary>Reads the value of an environment variable, where the scheme may be left out.</summary>
    /// <exception cref="ClusterException">It is no address, or of an unknown kind.</exception>
    public static ProxyAddress ParseVariable(string text, string origin)
    {
        if (text.Contains("://", StringComparison.Ordinal))
        {
            return Parse(text, origin);
        }

        // What has a path has lost its colon, as in "http//proxy".
        return text.TrimEnd('/').AsSpan().ContainsAny('/', '?', '#') ? throw Invalid(text, origin) : Parse($"http://{text.Trim()}", origin);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        string scheme = Kind switch { ProxyKind.Http => "http", ProxyKind.Https => "https", _ => "socks5" };
        return $"{scheme}://{EndPoint.ToAuthority()}";
    }

    private static ClusterException Invalid(string text, string origin) =>
        new($"{origin} is no proxy address: it must be an http, https, socks5 or socks5h URL{(text.Contains('@') ? UrlUser.EscapeHint : "")}");
}
