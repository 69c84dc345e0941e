namespace PortForward.Cluster;

/// <summary>What one forward of a <see cref="ForwardSet"/> is to be.</summary>
/// <param name="Target">What to forward to, such as <c>svc/web</c>, <c>deploy/web</c>, <c>web</c> for a pod, or <c>selector/app=web</c> for pods by label.</param>
/// <param name="Ports">The ports, each as <c>[LOCAL:]REMOTE</c>: <c>:5432</c> takes any free local port, <c>8080:http</c> names the remote one.</param>
public sealed record ForwardDefinition(string Target, params IReadOnlyList<string> Ports)
{
    /// <summary>Its name, and how to listen, to follow the target, and to treat connections.</summary>
    public ForwardOptions Options { get; init; } = new();
}
