using System.Net;

namespace PortForward.Forwarding;

/// <summary>One listener that is open: where it listens, and which port of the pod is behind it.</summary>
/// <param name="Local">Where it listens, a random port resolved to the real one.</param>
/// <param name="TargetPort">The pod's port.</param>
public readonly record struct ForwardedPort(IPEndPoint Local, int TargetPort)
{
    /// <summary>Which of the forwarder's ports it is, counted from 0.</summary>
    public int Index { get; init; }
}
