namespace PortForward.Cli.Startup;

/// <summary>
/// What is done with the descriptors there are. A connection needs one for its client and one for its tunnel, and without the second the first is of no
/// use: clients beyond the budget wait to be accepted instead of being accepted and failed.
/// </summary>
/// <param name="MaxTunnels">The most tunnels.</param>
/// <param name="MaxConnections">The most connections at a time.</param>
internal readonly record struct DescriptorBudget(int MaxTunnels, int MaxConnections)
{
    /// <summary>What the program itself may need later: look-ups, the watch, a plug-in's pipes, files that are read again.</summary>
    private const int OwnUse = 20;

    /// <summary>Divides the descriptors.</summary>
    /// <param name="limit">How many there may be; null for no limit.</param>
    /// <param name="inUse">How many are in use already.</param>
    /// <param name="listeners">How many listeners there are.</param>
    /// <param name="maxTunnels">How many tunnels the user allows.</param>
    public static DescriptorBudget For(ulong? limit, int inUse, int listeners, int maxTunnels)
    {
        if (limit is not { } all)
        {
            return new DescriptorBudget(maxTunnels, int.MaxValue);
        }

        // With few descriptors connections share tunnels, so that more clients are served at a time.
        int free = (int)Math.Clamp((long)Math.Min(all, int.MaxValue) - inUse - OwnUse - listeners, 2, int.MaxValue);
        int tunnels = Math.Min(maxTunnels, Math.Max(1, free / 3));
        return new DescriptorBudget(tunnels, free - tunnels);
    }
}
