namespace PortForward.Tunnels.Pool;

/// <summary>The use of a tunnel for one pair; it has to be released.</summary>
/// <param name="Tunnel">The tunnel.</param>
/// <param name="IsFresh">Whether it was dialled just now: if it is dead already, the next one would be too.</param>
internal readonly record struct TunnelUse(PooledTunnel Tunnel, bool IsFresh = false);
