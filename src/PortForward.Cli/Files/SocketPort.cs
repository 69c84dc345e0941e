namespace PortForward.Cli.Files;

/// <summary>The socket file in a port of a file, <c>unix:PATH:REMOTE</c>. A relative path is meant from the file's folder.</summary>
internal static class SocketPort
{
    private const string Prefix = "unix:", PortOfThatName = "unix:unix";

    /// <summary>The same port with a path that does not depend on the current folder.</summary>
    public static string Rooted(string port, string folder) =>
        PathOf(port) is { Length: > 0 } path && path[0] != '~' ? $"{Prefix}{Path.GetFullPath(path, folder)}{port[(Prefix.Length + path.Length)..]}" : port;

    /// <summary>The path; null if the port has none.</summary>
    public static string? PathOf(string port)
    {
        int colon = port.LastIndexOf(':');
        return port.StartsWith(Prefix, StringComparison.Ordinal) && port != PortOfThatName && colon >= Prefix.Length ? port[Prefix.Length..colon] : null;
    }
}
