using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Targets;

public sealed class PodFactsTests
{
    private static readonly Dictionary<string, Pod> NotRunning = new(StringComparer.Ordinal)
    {
        ["Pending"] = Pods.Pending("a"),
        ["Unknown"] = new Pod(),
        ["Pending: the pod is being deleted"] = Pods.Pending("a").Terminating(),
        ["Unschedulable: 0/3 nodes are available: 3 Insufficient cpu."] = Pods.Pending("a", pod => pod.Status!.Conditions = [new Condition { Type = "PodScheduled", Status = "False", Reason = "Unschedulable", Message = "0/3 nodes are available:\n3 Insufficient cpu." }]),
        ["ImagePullBackOff: Back-off pulling image \"web:1\""] = Pods.Waiting("a", "ImagePullBackOff", "Back-off pulling image \"web:1\""),
        ["ErrImagePull"] = Pods.Waiting("a", "ErrImagePull"),
        ["ContainerCreating"] = Pods.Waiting("a", "ContainerCreating"),
        ["CrashLoopBackOff: back-off 10s"] = Pods.Waiting("a", "PodInitializing")
            .With(pod => pod.Status!.InitContainerStatuses = [Status("migrate", new ContainerState { Waiting = new ContainerStateWaiting { Reason = "CrashLoopBackOff", Message = "back-off 10s" } })]),
        ["Initializing: init container migrate is running"] = Pods.Waiting("a", "PodInitializing").With(pod => pod.Status!.InitContainerStatuses = [Status("migrate", new ContainerState { Running = new ContainerStateRunning() })]),
        ["Succeeded"] = Pods.InPhase("a", "Succeeded"),
        ["Failed: Evicted: The node was low on resource: memory."] = Pods.InPhase("a", "Failed").With(pod => { pod.Status!.Reason = "Evicted"; pod.Status!.Message = "The node was low on resource: memory."; }),
        ["NodeLost"] = Pods.InPhase("a", "Unknown").With(pod => pod.Status!.Reason = "NodeLost"),
    };

    private static readonly Dictionary<string, Pod> NotReady = new(StringComparer.Ordinal)
    {
        ["ContainersNotReady: container main is not ready"] = Pods.Unready("a"),
        ["CrashLoopBackOff: back-off 40s"] = Pods.Unready("a",
            pod => pod.Status!.ContainerStatuses![0].State = new ContainerState { Waiting = new ContainerStateWaiting { Reason = "CrashLoopBackOff", Message = "back-off 40s" } }),
        ["Error: container main ended with exit code 3"] = Pods.Unready("a",
            pod => pod.Status!.ContainerStatuses![0].State = new ContainerState { Terminated = new ContainerStateTerminated { Reason = "Error", ExitCode = 3 } }),
        ["ReadinessGatesNotReady: the status of pod readiness gate \"x\" is not \"True\""] = Pods.Ready("a", pod => pod.Status!.Conditions![0] = new Condition { Type = "Ready", Status = "False", Reason = "ReadinessGatesNotReady", Message = "the status of pod readiness gate \"x\" is not \"True\"" }),
        ["NotReady"] = new Pod(),
    };

    public static IEnumerable<object[]> WhysNotRunning => NotRunning.Keys.Select(why => new object[] { why });

    public static IEnumerable<object[]> WhysNotReady => NotReady.Keys.Select(why => new object[] { why });

    private static ContainerStatus Status(string name, ContainerState state) => new() { Name = name, State = state };

    [Theory]
    [MemberData(nameof(WhysNotRunning))]
    public void Why_a_pod_does_not_run(string why) => PodFacts.WhyNotRunning(NotRunning[why]).ToString().Should().Be(why);

    [Theory]
    [MemberData(nameof(WhysNotReady))]
    public void Why_a_pod_is_not_ready(string why) => PodFacts.WhyNotReady(NotReady[why]).ToString().Should().Be(why);
}
