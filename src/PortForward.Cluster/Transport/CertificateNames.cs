using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace PortForward.Cluster.Transport;

/// <summary>The names a certificate is valid for: its subject alternative names. The common name does not count (RFC 6125, and Go).</summary>
internal static class CertificateNames
{
    /// <summary>Whether a certificate is for a host name or an IP address.</summary>
    public static bool Matches(X509Certificate2 certificate, string name)
    {
        X509SubjectAlternativeNameExtension? names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault();
        return names is not null
            && (IsAddress(name, out IPAddress? address)
                ? names.EnumerateIPAddresses().Any(address.Equals)
                : names.EnumerateDnsNames().Any(pattern => Matches(pattern, name.TrimEnd('.'))));
    }

    /// <summary>What Go says of a certificate for other names.</summary>
    public static string Mismatch(X509Certificate2 certificate, string name)
    {
        X509SubjectAlternativeNameExtension? names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault();
        if (names is null)
        {
            return $"x509: certificate is not valid for any names, but wanted to match {name}";
        }

        bool wantsAddress = IsAddress(name, out _);
        IEnumerable<string> valid = wantsAddress ? names.EnumerateIPAddresses().Select(address => address.ToString()) : names.EnumerateDnsNames();
        string list = string.Join(", ", valid);
        return list.Length > 0 ? $"x509: certificate is valid for {list}, not {name}"
            : wantsAddress ? $"x509: cannot validate certificate for {name} because it doesn't contain any IP SANs"
            : $"x509: certificate is not valid for any names, but wanted to match {name}";
    }

    /// <summary>Whether a name is an IP address, which is looked for among the addresses and never asked for by name (RFC 6066, section 3).</summary>
    /// <remarks>In the usual notation only: .NET reads "1" as an address too.</remarks>
    public static bool IsAddress(string name, [NotNullWhen(true)] out IPAddress? address)
    {
        string plain = name is ['[', .. var inside, ']'] ? inside : name;
        address = null;
        return (plain.Contains(':') || plain.Count(c => c == '.') == 3) && IPAddress.TryParse(plain, out address);
    }

    /// <summary>RFC 6125, 6.4.3: a wildcard stands for exactly the leftmost label.</summary>
    private static bool Matches(string pattern, string name)
    {
        if (!pattern.StartsWith("*.", StringComparison.Ordinal))
        {
            return string.Equals(pattern.TrimEnd('.'), name, StringComparison.OrdinalIgnoreCase);
        }

        int dot = name.IndexOf('.');
        return dot > 0 && name.AsSpan(dot).Equals(pattern.AsSpan(1), StringComparison.OrdinalIgnoreCase);
    }
}
