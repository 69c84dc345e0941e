using System.Net;
using System.Net.Sockets;

namespace PortForward.Forwarding;

/// <summary>One listener that is open: where it listens, and which port of the pod is behind it.</summary>
/// <param name="Local">Where it listens: an address and port, a random one resolved, or a socket file.</param>
/// <param name="TargetPort">The pod's port.</param>
public readonly record struct ForwardedPort(EndPoint Local, int TargetPort)
{
    /// <summary>Which of the forwarder's ports it is, counted from 0.</summary>
    public int Index { get; init; }

    /// <summary>What the target calls the port, such as <c>http</c>; null if it has no name for it.</summary>
    public string? Name { get; init; }

    /// <summary>The path of the socket file; null if it listens on an address and port.</summary>
    public string? Path => (Local as UnixDomainSocketEndPoint)?.ToString();

    /// <summary>The address and port, of one that is no socket file.</summary>
    internal IPEndPoint Tcp => (IPEndPoint)Local;

    /// <summary>What clients connect to in short: the number of the local port, or <c>unix:</c> and the path.</summary>
    internal string Label => Local is IPEndPoint { Port: var port } ? $"{port}" : SocketFile.Prefix + Path;
}
