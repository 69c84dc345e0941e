using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using PortForward.Forwarding;

namespace PortForward.Cluster.Targets;

/// <summary>
/// A port as the user asks for it: <c>[LOCAL:]REMOTE</c>, where the remote port may be a name. Beyond what kubectl takes, an address to listen on may stand before both
/// (<c>127.0.0.2:8080:80</c>, <c>[::1]:8080:80</c>), LOCAL may be a range of which the first free port is taken (<c>8000-8010:80</c>), and a socket file may stand in
/// place of both (<c>unix:/run/db.sock:5432</c>).
/// </summary>
internal sealed record PortSpec
{
    private const string Expected = "expected [LOCAL:]REMOTE, or ADDRESS:LOCAL:REMOTE";

    private PortSpec(string text, string? address, (int First, int? Last)? local, string remote, int? remotePort)
    {
        Text = text;
        Address = address;
        LocalPort = local?.First;
        LastLocalPort = local?.Last;
        Remote = remote;
        RemotePort = remotePort;
    }

    /// <summary>The argument as it was given.</summary>
    public string Text { get; }

    /// <summary>Where to listen for this port alone; null if nothing was said.</summary>
    public string? Address { get; }

    /// <summary>The whole path of the socket file to listen on instead of a local port; null for a port.</summary>
    public string? Path { get; private init; }

    /// <summary>The last local port of a range of which the first free one is taken; null if it is none.</summary>
    public int? LastLocalPort { get; }

    /// <summary>The local port, 1–65535; 0 for any free one, and for a socket file; null when only the remote port was given, whose number it then is.</summary>
    public int? LocalPort { get; }

    /// <summary>The one local port that it is to have. Null for a range, for any free port, and where only the cluster knows it.</summary>
    public int? FixedLocalPort => LastLocalPort is not null ? null : (LocalPort ?? RemotePort) is > 0 and int number ? number : null;

    /// <summary>The remote port as it was given, a number or a name.</summary>
    public string Remote { get; }

    /// <summary>The remote port's number, 1–65535, or null when it was given by name.</summary>
    public int? RemotePort { get; }

    /// <summary>Reads a port.</summary>
    /// <param name="text">The argument as the user gave it.</param>
    /// <exception cref="FormatException">It is no port; the message says why, in one sentence.</exception>
    public static PortSpec Parse(string text) =>
        TryParse(text, out PortSpec? port, out string? error) ? port : throw new FormatException(error);

    /// <summary>Reads a port.</summary>
    /// <param name="text">The argument as the user gave it.</param>
    /// <param name="port">The port.</param>
    /// <param name="error">Why it is none, in one sentence.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out PortSpec? port, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        port = null;
        string? address = null;
        bool isSocket = TrySplitSocket(text, out string? path, out string[] parts, out string? why);
        if (isSocket ? why is not null : !TrySplit(text, out address, out parts, out why))
        {
            error = Invalid(text, why);
            return false;
        }

        string remote = parts[^1];
        if (remote.Length == 0)
        {
            error = Invalid(text, $"the remote port is missing, expected {(isSocket ? "unix:PATH:REMOTE" : "[LOCAL:]REMOTE")}");
            return false;
        }

        int? remotePort = null;
        if (TryReadNumber(remote, out int number))
        {
            if (number is < 1 or > ushort.MaxValue)
            {
                error = Invalid(text, $"the remote port must be from 1 to {ushort.MaxValue}");
                return false;
            }

            remotePort = number;
        }
        else if (!IsPortName(remote))
        {
            error = Invalid(text, $"the remote port must be a number from 1 to {ushort.MaxValue} or the name of a port");
            return false;
        }

        (int First, int? Last)? local = isSocket ? (0, null) : null;
        if (parts.Length == 2 && (parts[0] != remote || remotePort is not null) && !TryReadLocal(parts[0], out local))
        {
            error = Invalid(text, Reversed(parts[0]) is { } range
                ? $"a range goes from the lower port to the higher one, as in {range}"
                : $"the local port must be a number from 0 to {ushort.MaxValue}, or be left out for any free port");
            return false;
        }

        error = null;
        port = new PortSpec(text, address, local, remote, remotePort) { Path = path };
        return true;
    }

    /// <summary>The argument as it was given.</summary>
    public override string ToString() => Text;

    /// <summary>Separates the path of a socket file from the port. A path may have colons, as on Windows: the last one is the port's.</summary>
    /// <returns>Whether it is a socket file, well-formed or not.</returns>
    private static bool TrySplitSocket(string text, out string? path, out string[] remote, out string? why)
    {
        path = null;
        remote = [""];
        why = null;
        if (!text.StartsWith(SocketFile.Prefix, StringComparison.Ordinal) || text == "unix:unix")
        {
            return false; // The last one is a port of that name, on both sides.
        }

        string given = text[SocketFile.Prefix.Length..];
        int colon = given.LastIndexOf(':');
        if (colon <= 0)
        {
            why = colon == 0 ? "the path is missing, expected unix:PATH:REMOTE" : "a path or a remote port is missing, expected unix:PATH:REMOTE";
            return true;
        }

        remote = [given[(colon + 1)..]];
        why = given.StartsWith("~/", StringComparison.Ordinal) ? "shells replace ~ only where a word begins with it; write $HOME instead"
            : given.Any(char.IsControl) ? "the path has control characters"
            : null;
        if (why is null)
        {
            path = System.IO.Path.GetFullPath(given[..colon]);
            why = SocketFile.WhyWrong(path);
        }

        return true;
    }

    /// <summary>Separates the address, if there is one, from the ports.</summary>
    private static bool TrySplit(string text, out string? address, out string[] ports, [NotNullWhen(false)] out string? why)
    {
        address = null;
        why = null;
        ports = text.Split(':');
        if (text.StartsWith('[') && text.IndexOf("]:", StringComparison.Ordinal) is > 0 and int end)
        {
            (address, ports) = (text[1..end], text[(end + 2)..].Split(':'));
            why = ports.Length != 2 ? Expected
                : !IsAddress(address) ? $"{address} is not a valid IP"
                : address.Contains(':', StringComparison.Ordinal) ? null
                : $"brackets are for IPv6 addresses, write {address}:{text[(end + 2)..]}";
        }
        else if (ports.Length == 3 && IsAddress(ports[0]))
        {
            (address, ports) = (ports[0], ports[1..]);
        }
        else if (ports.Length > 2)
        {
            why = ports.Length == 3 && IsAddress(ports[1]) ? $"the address comes first, as in {ports[1]}:{ports[0]}:{ports[2]}" : Expected;
        }

        return why is null;
    }

    /// <summary>Only what <c>--address</c> takes is an address here, too.</summary>
    private static bool IsAddress(string text)
    {
        try
        {
            return !text.Contains(',', StringComparison.Ordinal) && ListenAddress.Parse([text]).Count > 0;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static bool TryReadLocal(string text, out (int First, int? Last)? port)
    {
        port = (0, null);
        if (text.Length == 0)
        {
            return true;
        }

        if (text.Split('-') is [var first, var last])
        {
            bool isRange = TryReadNumber(first, out int from) && TryReadNumber(last, out int to) && from is > 0 && from <= to && to <= ushort.MaxValue;
            port = isRange ? (int.Parse(first, CultureInfo.InvariantCulture), int.Parse(last, CultureInfo.InvariantCulture)) : null;
            return isRange;
        }

        if (!TryReadNumber(text, out int number) || number > ushort.MaxValue)
        {
            return false;
        }

        port = (number, null);
        return true;
    }

    /// <summary>The range that was meant where its ports are the wrong way round; null if that is not what is wrong.</summary>
    private static string? Reversed(string text) =>
        text.Split('-') is [var first, var last] && $"{last}-{first}" is var range && TryReadLocal(range, out _) ? range : null;

    /// <summary>Digits only; a number beyond any port is read as one that is too large.</summary>
    private static bool TryReadNumber(string text, out int number)
    {
        number = 0;
        if (text.Length == 0 || !text.All(char.IsAsciiDigit))
        {
            return false;
        }

        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number))
        {
            number = int.MaxValue;
        }

        return true;
    }

    /// <summary>Whether a service or a container could have a port of that name: letters, digits and dashes, with a letter (API: IANA service name, DNS label).</summary>
    private static bool IsPortName(string text) =>
        text[0] != '-' && text.Any(char.IsAsciiLetter) && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-');

    private static string Invalid(string text, string why) => $"invalid port \"{text}\": {why}";
}
