namespace PortForward.Tunnels.Pool;

/// <summary>What a pool has and what is wanted of it, in numbers.</summary>
internal readonly record struct DialDemand()
{
    /// <summary>How many connections wait for a tunnel.</summary>
    public required int Waiters { get; init; }

    /// <summary>How many callers only want to know that a tunnel is established.</summary>
    public required int Connecting { get; init; }

    /// <summary>How many dials are under way.</summary>
    public required int Dialling { get; init; }

    /// <summary>How many tunnels are idle.</summary>
    public required int Idle { get; init; }

    /// <summary>How many tunnels count against the limit: all but those that only live on for the connections in them.</summary>
    public required int Occupied { get; init; }

    /// <summary>How many more tunnels the budget that is shared with other pools allows.</summary>
    public int Room { get; init; } = int.MaxValue;

    /// <summary>Whether there is a tunnel that connections can share.</summary>
    public required bool CanShare { get; init; }

    /// <summary>Whether there is any tunnel.</summary>
    public required bool HasTunnels { get; init; }

    /// <summary>Whether the minimum of idle tunnels is to be dialled in advance.</summary>
    public bool Prewarm { get; init; }

    /// <summary>Whether a tunnel is to be dialled if there is none.</summary>
    public bool ReplaceLast { get; init; }
}
