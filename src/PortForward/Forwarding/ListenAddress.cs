using System.Net;

namespace PortForward.Forwarding;

/// <summary>An address to listen on, and the group of addresses that it fails with.</summary>
/// <param name="Address">The address.</param>
/// <param name="Group">At least one address of each group must be bound for a port to be served.</param>
internal sealed record ListenAddress(IPAddress Address, string Group)
{
    private const string Localhost = "localhost";

    /// <summary>
    /// Reads the values of <c>--address</c>: IP addresses and <c>localhost</c>, which stands for 127.0.0.1 and ::1 of which one is enough. They
    /// come in the order of their text, as kubectl's do: scripts read the port off its first line.
    /// </summary>
    /// <param name="values">At least one value, each may be a comma-separated list; repetitions count once.</param>
    /// <exception cref="FormatException">A value is neither an IP address nor <c>localhost</c>, or there is none; the message is kubectl's.</exception>
    public static IReadOnlyList<ListenAddress> Parse(IEnumerable<string> values)
    {
        var addresses = new List<ListenAddress>();
        foreach (string value in values.Where(list => list.Length > 0).SelectMany(list => list.Split(',')))
        {
            if (string.Equals(value, Localhost, StringComparison.Ordinal))
            {
                Add(IPAddress.Loopback, Localhost);
                Add(IPAddress.IPv6Loopback, Localhost);
            }
            else if (IsStrictAddress(value, out IPAddress? address))
            {
                Add(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, value);
            }
            else
            {
                throw new FormatException($"{value} is not a valid IP");
            }
        }

        return addresses is []
            ? throw new FormatException("you must specify at least 1 address")
            : [.. addresses.OrderBy(address => address.Address.ToString(), StringComparer.Ordinal)];

        void Add(IPAddress address, string group)
        {
            // An address that is asked for by itself must be bound, whatever group it is in besides.
            int known = addresses.FindIndex(other => other.Address.Equals(address));
            if (known < 0)
            {
                addresses.Add(new ListenAddress(address, group));
            }
            else if (!string.Equals(group, Localhost, StringComparison.Ordinal))
            {
                addresses[known] = new ListenAddress(address, group);
            }
        }
    }

    /// <summary>IPAddress.Parse also takes "1", "0x7f.1", "[::1]" and "fe80::1%eth0", which Go's net.ParseIP and so kubectl refuse.</summary>
    private static bool IsStrictAddress(string value, out IPAddress address)
    {
        bool dottedOrV6 = value.Contains(':') ? !value.AsSpan().ContainsAny('[', '%') : value.Split('.') is { Length: 4 } parts && parts.All(IsDecimal);
        return IPAddress.TryParse(value, out address!) && dottedOrV6;

        static bool IsDecimal(string part) => part.Length is > 0 and <= 3 && part.All(char.IsAsciiDigit) && (part.Length == 1 || part[0] != '0');
    }
}
