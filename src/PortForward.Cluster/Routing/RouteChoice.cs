namespace PortForward.Cluster.Routing;

/// <summary>Where a new connection goes.</summary>
/// <param name="Route">The route; null if there is none for it now.</param>
/// <param name="MayCome">Whether it makes sense to wait if there is none.</param>
/// <param name="UntilRetry">When to ask again if there is none and no decision comes before.</param>
internal readonly record struct RouteChoice(PodRoute? Route, bool MayCome, TimeSpan UntilRetry);
