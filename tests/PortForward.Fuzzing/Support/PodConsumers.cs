using PortForward.Cluster;
using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;
using PortForward.Fuzzing.Engine;

namespace PortForward.Fuzzing.Support;

/// <summary>What a forward does with the objects that it has read.</summary>
internal static class PodConsumers
{
    private static readonly PortSpec[] Specs = [PortSpec.Parse("8080:80"), PortSpec.Parse(":http")];

    /// <summary>Chooses a pod, and asks each what it is up to.</summary>
    public static void Use(IReadOnlyCollection<Pod> pods)
    {
        _ = PodSelection.First(pods);
        _ = PodSelection.Later(pods, PodRevisions.Among(pods));
        foreach (Pod pod in pods)
        {
            Use(pod);
        }
    }

    /// <summary>Asks a pod what it is up to, and for ports.</summary>
    public static void Use(Pod pod)
    {
        _ = PodFacts.IsServing(pod);
        _ = PodFacts.MostRestarts(pod);
        Require.Line(PodFacts.WhyNotRunning(pod).ToString());
        Require.Line(PodFacts.WhyNotReady(pod).ToString());
        Promised(() => PortTranslation.ForPod(Specs, pod));
    }

    /// <summary>Asks a service for ports.</summary>
    public static void Use(Service service, Pod pod)
    {
        Promised(() => PortTranslation.CheckService(Specs, service));
        Promised(() => PortTranslation.ForService(Specs, service, pod));
    }

    private static void Promised(Action action)
    {
        try
        {
            action();
        }
        catch (ClusterException e)
        {
            Require.Message(e.Message, maxLength: 20_000);
        }
    }
}
