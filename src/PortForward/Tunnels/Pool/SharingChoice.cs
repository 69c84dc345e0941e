namespace PortForward.Tunnels.Pool;

/// <summary>What a waiter may do at this moment.</summary>
/// <param name="Candidates">The tunnels that it may share, the least busy first; none if it is among those that will be served otherwise.</param>
/// <param name="IsTunnelExpected">Whether a dial is under way, or a tunnel expected back, for any waiter.</param>
/// <param name="Changed">Completes when something has gone that was waited for, or may be shared now; not with time alone.</param>
internal readonly record struct SharingChoice(PooledTunnel[] Candidates, bool IsTunnelExpected, Task Changed);
