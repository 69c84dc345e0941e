namespace PortForward.Tunnels;

/// <summary>The ways in which a tunnel can end.</summary>
internal enum TunnelEnd
{
    /// <summary>It has carried all that it can carry.</summary>
    Finished,

    /// <summary>It broke off, or the server ended it.</summary>
    Lost,
}
