namespace PortForward.Cluster.Api;

/// <summary>Objects as they were at one moment.</summary>
/// <typeparam name="T">The objects' type.</typeparam>
/// <param name="Items">The objects, in the server's order.</param>
/// <param name="ResourceVersion">The moment: a watch from here misses nothing. Null when the server gave none.</param>
/// <param name="Continue">The token for the next page, or null when this is all.</param>
internal sealed record ApiList<T>(IReadOnlyList<T> Items, string? ResourceVersion, string? Continue);
