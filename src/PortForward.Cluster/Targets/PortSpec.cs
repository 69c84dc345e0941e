using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace PortForward.Cluster.Targets;

/// <summary>A port as the user asks for it: <c>[LOCAL:]REMOTE</c>, where the remote port may be a name.</summary>
internal sealed record PortSpec
{
    private PortSpec(string text, int? localPort, string remote, int? remotePort)
    {
        Text = text;
        LocalPort = localPort;
        Remote = remote;
        RemotePort = remotePort;
    }

    /// <summary>The argument as it was given.</summary>
    public string Text { get; }

    /// <summary>The local port, 1–65535; 0 for any free one; null when only the remote port was given, whose number it then is.</summary>
    public int? LocalPort { get; }

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
        string[] parts = text.Split(':');
        if (parts.Length > 2)
        {
            error = Invalid(text, "expected [LOCAL:]REMOTE");
            return false;
        }

        string remote = parts[^1];
        if (remote.Length == 0)
        {
            error = Invalid(text, "the remote port is missing, expected [LOCAL:]REMOTE");
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

        int? localPort = null;
        if (parts.Length == 2 && (parts[0] != remote || remotePort is not null) && !TryReadLocal(parts[0], out localPort))
        {
            error = Invalid(text, $"the local port must be a number from 0 to {ushort.MaxValue}, or be left out for any free port");
            return false;
        }

        error = null;
        port = new PortSpec(text, localPort, remote, remotePort);
        return true;
    }

    /// <summary>The argument as it was given.</summary>
    public override string ToString() => Text;

    private static bool TryReadLocal(string text, out int? port)
    {
        port = 0;
        if (text.Length == 0)
        {
            return true;
        }

        if (!TryReadNumber(text, out int number) || number > ushort.MaxValue)
        {
            return false;
        }

        port = number;
        return true;
    }

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
