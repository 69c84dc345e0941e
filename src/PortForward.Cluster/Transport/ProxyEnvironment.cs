using System.Globalization;
using System.Net;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Transport;

/// <summary>
/// The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY ask for, by Go's rules (golang.org/x/net/http/httpproxy), which are not .NET's: localhost and
/// loopback addresses are never proxied, NO_PROXY knows networks and ports, and there is no ALL_PROXY.
/// </summary>
internal static class ProxyEnvironment
{
    /// <summary>Finds the proxy for a server.</summary>
    /// <returns>The proxy; null for a direct connection.</returns>
    /// <exception cref="ClusterException">The variable holds no proxy address, or one of a kind that is unknown.</exception>
    public static ProxyAddress? Find(Uri server, LocalEnvironment environment)
    {
        string upper = server.Scheme == Uri.UriSchemeHttps ? "HTTPS_PROXY" : "HTTP_PROXY";
        string name = environment.Variable(upper) is not null ? upper : upper.ToLowerInvariant();
        if (environment.Variable(name) is not { } value || string.IsNullOrWhiteSpace(value)
            || IsExempt(server, environment.Variable("NO_PROXY") ?? environment.Variable("no_proxy") ?? ""))
        {
            return null;
        }

        // Go goes without a proxy when the value makes no sense; here nothing goes anywhere else than where it was meant to.
        return ProxyAddress.ParseVariable(value, name);
    }

    private static bool IsExempt(Uri server, string noProxy)
    {
        string host = server.IdnHost.Trim('[', ']').ToLowerInvariant();
        if (host == "localhost")
        {
            return true;
        }

        IPAddress? address = IPAddress.TryParse(host, out IPAddress? parsed) ? Plain(parsed) : null;
        if (address is not null && IPAddress.IsLoopback(address))
        {
            return true;
        }

        return noProxy.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Any(entry => Matches(entry.ToLowerInvariant(), host, address, server.Port));
    }

    private static bool Matches(string entry, string host, IPAddress? address, int port)
    {
        if (entry == "*")
        {
            return true;
        }

        if (entry.IndexOf('/') is >= 0 and int slash
            && IPAddress.TryParse(entry.AsSpan(0, slash), out IPAddress? network)
            && int.TryParse(entry.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int length))
        {
            return address is not null && IsInside(address, network, length);
        }

        (string name, int? onlyPort) = SplitPort(entry);
        if (name.Length == 0 || (onlyPort is not null && onlyPort != port))
        {
            return false;
        }

        if (CertificateNames.IsAddress(name, out IPAddress? only))
        {
            return Plain(only).Equals(address);
        }

        // "example.com" stands for itself and what is below it, ".example.com" and "*.example.com" for the latter alone.
        if (name.StartsWith("*.", StringComparison.Ordinal))
        {
            name = name[1..];
        }

        bool isOnlyBelow = name[0] == '.';
        string domain = Ascii(isOnlyBelow ? name[1..] : name);
        return (!isOnlyBelow && host == domain) || host.EndsWith($".{domain}", StringComparison.Ordinal);
    }

    /// <summary>A name as it is looked up: <see cref="Uri.IdnHost"/> gives the server's so.</summary>
    private static string Ascii(string name)
    {
        try
        {
            return System.Text.Ascii.IsValid(name) ? name : new IdnMapping().GetAscii(name);
        }
        catch (ArgumentException)
        {
            return name; // It is no name, and so no server's.
        }
    }

    /// <summary>Whether an address begins with the bits of a network's. Written out since <see cref="IPNetwork"/> takes no network with bits beyond its length.</summary>
    private static bool IsInside(IPAddress address, IPAddress network, int length)
    {
        byte[] bits = address.GetAddressBytes();
        byte[] wanted = network.GetAddressBytes();
        if (bits.Length != wanted.Length || length > bits.Length * 8)
        {
            return false;
        }

        int whole = length / 8;
        int mask = 0xff << (8 - (length % 8)) & 0xff;
        return bits.AsSpan(0, whole).SequenceEqual(wanted.AsSpan(0, whole)) && (mask == 0 || (bits[whole] & mask) == (wanted[whole] & mask));
    }

    private static (string Name, int? Port) SplitPort(string entry)
    {
        int colon = entry.LastIndexOf(':');
        string name = colon < 0 ? entry : entry[..colon];
        bool hasPort = colon >= 0 && (entry[0] == '[' ? name.EndsWith(']') : !name.Contains(':'))
            && int.TryParse(entry[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out _);
        return hasPort
            ? (name.Trim('[', ']'), int.Parse(entry[(colon + 1)..], CultureInfo.InvariantCulture))
            : (entry.Trim('[', ']'), null);
    }

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
