namespace PortForward.Tunnels.Pool;

/// <summary>The loss of a tunnel.</summary>
/// <param name="Alive">How many others are known to live.</param>
/// <param name="HasServed">
/// Whether one of the tunnels since the last time that none was left had carried a connection and an answer: what accepts tunnels only to cut them lets none get
/// that far.
/// </param>
internal readonly record struct TunnelLoss(int Alive, bool HasServed)
{
    /// <summary>Why no other tunnel can be had, if that was found out while they fell silent; then none need be tried before it is told.</summary>
    public TunnelFault? Fault { get; init; }
}
