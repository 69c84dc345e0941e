using PortForward.Forwarding;

namespace PortForward.Cli.Output;

/// <summary>A port of a pod.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Name">What the target calls it; null if it has no name for it.</param>
internal readonly record struct RemotePort(int Number, string? Name)
{
    /// <summary>The one behind a listener.</summary>
    public static RemotePort Behind(ForwardedPort listener) => new(listener.TargetPort, listener.Name);
}
