namespace PortForward.Cluster.Objects;

/// <summary>A pod as the endpoint slices of a service have it.</summary>
/// <param name="IsReady">Whether it takes connections by what they say, whatever the pod says of itself.</param>
/// <param name="Ports">The ports through which they lead to it.</param>
internal sealed record PodEndpoint(bool IsReady, IReadOnlyList<EndpointPort> Ports);
