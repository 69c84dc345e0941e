using System.Diagnostics.CodeAnalysis;

namespace PortForward.Tunnels;

/// <summary>Opens tunnels to one pod over one transport.</summary>
public interface ITunnelDialer
{
    /// <summary>The transport's name, for messages: <c>websocket</c>, <c>spdy</c> or <c>channel</c>.</summary>
    string Transport { get; }

    /// <summary>
    /// Completes when a server has accepted an upgrade while it is still being found out whether bytes get through: pods and rights are in order
    /// then. Never for dialers that do not find that out.
    /// </summary>
    Task Accepted => Task.Delay(Timeout.Infinite);

    /// <summary>Opens a tunnel.</summary>
    /// <returns>The tunnel, or why there is none.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    Task<TunnelDialResult> DialAsync(CancellationToken cancellationToken);
}

/// <summary>A tunnel, or why there is none: exactly one of the two is set.</summary>
public readonly record struct TunnelDialResult
{
    /// <summary>A tunnel that stands.</summary>
    public TunnelDialResult(ITunnel tunnel) => Tunnel = tunnel;

    /// <summary>A dial that failed.</summary>
    public TunnelDialResult(TunnelFault fault) => Fault = fault;

    /// <summary>The tunnel, owned by the caller.</summary>
    public ITunnel? Tunnel { get; }

    /// <summary>Why there is no tunnel.</summary>
    public TunnelFault? Fault { get; }

    /// <summary>Tells the two cases apart.</summary>
    public bool Succeeded([NotNullWhen(true)] out ITunnel? tunnel, [NotNullWhen(false)] out TunnelFault? fault)
    {
        tunnel = Tunnel;
        fault = Fault;
        return tunnel is not null;
    }
}
