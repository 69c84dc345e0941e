using System.Security.Cryptography;

namespace PortForward.Testing.Applications;

/// <summary>What the container runtime knows of a pod: an id, a network namespace, and whether they still exist.</summary>
internal sealed class Sandbox(PodApplications applications)
{
    public string Id { get; } = RandomNumberGenerator.GetHexString(64, lowercase: true);

    public string NetworkNamespace { get; } = $"/var/run/netns/cni-{Guid.NewGuid()}";

    public PodApplications Applications => applications;

    /// <summary>Why nothing can be forwarded any more, in the runtime's words; null while the sandbox is there.</summary>
    public string? Failure { get; private set; }

    /// <summary>Removes the sandbox; a null message is containerd's.</summary>
    public void End(string? message = null)
    {
        Failure = message ?? $"network namespace for sandbox \"{Id}\" is closed";
        applications.KillAll();
    }
}
