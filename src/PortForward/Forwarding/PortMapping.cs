namespace PortForward.Forwarding;

/// <summary>A local port and the pod's port behind it.</summary>
/// <param name="LocalPort">0 to 65535; 0 stands for a random free port.</param>
/// <param name="TargetPort">The pod's port, 1 to 65535.</param>
internal readonly record struct PortMapping(int LocalPort, int TargetPort)
{
    /// <inheritdoc/>
    public override string ToString() => $"{LocalPort}:{TargetPort}";
}
