namespace PortForward.Forwarding;

/// <summary>A local port and the pod's port behind it.</summary>
/// <param name="LocalPort">0 to 65535; 0 stands for a random free port.</param>
/// <param name="TargetPort">The pod's port, 1 to 65535.</param>
internal readonly record struct PortMapping(int LocalPort, int TargetPort)
{
    /// <summary>What the target calls the port; null if it has no name for it.</summary>
    public string? Name { get; init; }

    /// <summary>The remote port as it was asked for, a number or a name; null if it is not known.</summary>
    public string? Requested { get; init; }

    /// <summary>The last local port of a range of which the first free one is taken; null for one port.</summary>
    public int? LastLocalPort { get; init; }

    /// <summary>Whether a local port is another's: neither a range nor a random choice takes it. Null if there is none.</summary>
    public Func<int, bool>? IsKept { get; init; }

    /// <summary>Where to listen for this port alone; null for the addresses of the forward.</summary>
    public IReadOnlyList<ListenAddress>? Addresses { get; init; }

    /// <summary>The path of the socket file to listen on instead of a local port; null for a port.</summary>
    public string? Path { get; init; }

    /// <summary>The local port, the range of them, or the socket file, as it is written.</summary>
    public string Local => Path is not null ? SocketFile.Prefix + Path : LastLocalPort is { } last ? $"{LocalPort}-{last}" : $"{LocalPort}";

    /// <inheritdoc/>
    public override string ToString() => $"{Local}:{TargetPort}";
}
