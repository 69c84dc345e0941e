namespace PortForward.Tunnels.Pool;

/// <summary>What a pool is to do.</summary>
/// <param name="Dials">How many dials to begin now.</param>
/// <param name="Review">When to plan again even if nothing happens; null if that is not needed.</param>
internal readonly record struct DialPlan(int Dials, TimeSpan? Review);
