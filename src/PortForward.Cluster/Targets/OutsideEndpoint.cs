using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>A place that is no pod of a service's namespace, though the service leads there.</summary>
/// <param name="Where">Its address and what it is not, to stand behind "goes to".</param>
/// <param name="Advice">What to do about it.</param>
internal sealed record OutsideEndpoint(string Where, string Advice)
{
    /// <summary>Describes an endpoint.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="namespace">The service's namespace.</param>
    public static OutsideEndpoint Of(Endpoint endpoint, string @namespace) => new(
        $"{endpoint.Addresses?.FirstOrDefault() ?? "an endpoint without an address"}, which is no pod of namespace {@namespace}",
        endpoint.TargetRef is { Kind: "Pod" } pod ? $"forward to pod/{pod.Name} of namespace {pod.Namespace} instead"
            : "only pods can be forwarded to, so connect to that address itself");
}
