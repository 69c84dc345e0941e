namespace PortForward.Tunnels.Pool;

/// <summary>What a waiter may do at this moment.</summary>
/// <param name="Candidates">The tunnels that it may share, the least busy first; none if it is among those that will be served otherwise.</param>
/// <param name="IsDialling">Whether a dial is under way, for any waiter.</param>
/// <param name="Changed">Completes when a dial has failed, or tunnels may be shared now; not with time alone.</param>
internal readonly record struct SharingChoice(PooledTunnel[] Candidates, bool IsDialling, Task Changed);
