namespace PortForward.Cluster.Targets;

/// <summary>A port as it is forwarded, with numbers on both sides.</summary>
/// <param name="LocalPort">The local port, 1–65535, or 0 for any free one, and for a socket file.</param>
/// <param name="PodPort">The port inside the pod, 1–65535.</param>
/// <param name="Spec">What the user asked for.</param>
internal sealed record PortMapping(int LocalPort, int PodPort, PortSpec Spec);
