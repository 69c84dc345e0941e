using System.Net;

namespace PortForward.Cluster;

/// <summary>One port of a forward.</summary>
/// <param name="Name">The port's name in the service or the pod; null if it has none.</param>
/// <param name="Number">The port's number in the service, or in the pod if the target is none.</param>
/// <param name="Local">Where it listens, random ports resolved, one end point for each address; none if it could not be listened on.</param>
public sealed record ForwardPort(string? Name, int Number, IReadOnlyList<IPEndPoint> Local);
