namespace PortForward.Cluster.Api;

/// <summary>An object as the API server names it in the details of a <c>Status</c>.</summary>
/// <param name="Group">The API group, empty for the core group.</param>
/// <param name="Resource">The resource's plural name, which the server calls the kind.</param>
/// <param name="Name">The object's name.</param>
internal readonly record struct ApiSubject(string Group, string Resource, string Name);
