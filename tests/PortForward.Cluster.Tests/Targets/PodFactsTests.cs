using k8s.Models;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Targets;

public sealed class PodFactsTests
{
    public static TheoryData<V1Pod, string> NotRunning => new()
    {
        { Pods.Pending("a"), "Pending" },
        { new V1Pod(), "Unknown" },
        { Pods.Pending("a").Terminating(), "Pending: the pod is being deleted" },
        { Pods.Pending("a", pod => pod.Status.Conditions = [new V1PodCondition { Type = "PodScheduled", Status = "False", Reason = "Unschedulable", Message = "0/3 nodes are available:\n3 Insufficient cpu." }]), "Unschedulable: 0/3 nodes are available: 3 Insufficient cpu." },
        { Pods.Waiting("a", "ImagePullBackOff", "Back-off pulling image \"web:1\""), "ImagePullBackOff: Back-off pulling image \"web:1\"" },
        { Pods.Waiting("a", "ErrImagePull"), "ErrImagePull" },
        { Pods.Waiting("a", "ContainerCreating"), "ContainerCreating" },
        { Pods.Waiting("a", "PodInitializing").With(pod => pod.Status.InitContainerStatuses = [Status("migrate", new V1ContainerState { Waiting = new V1ContainerStateWaiting { Reason = "CrashLoopBackOff", Message = "back-off 10s" } })]), "CrashLoopBackOff: back-off 10s" },
        { Pods.Waiting("a", "PodInitializing").With(pod => pod.Status.InitContainerStatuses = [Status("migrate", new V1ContainerState { Running = new V1ContainerStateRunning() })]), "Initializing: init container migrate is running" },
        { Pods.InPhase("a", "Succeeded"), "Succeeded" },
        { Pods.InPhase("a", "Failed").With(pod => { pod.Status.Reason = "Evicted"; pod.Status.Message = "The node was low on resource: memory."; }), "Failed: Evicted: The node was low on resource: memory." },
        { Pods.InPhase("a", "Unknown").With(pod => pod.Status.Reason = "NodeLost"), "NodeLost" },
    };

    public static TheoryData<V1Pod, string> NotReady => new()
    {
        { Pods.Unready("a"), "ContainersNotReady: container main is not ready" },
        { Pods.Unready("a", pod => pod.Status.ContainerStatuses[0].State = new V1ContainerState { Waiting = new V1ContainerStateWaiting { Reason = "CrashLoopBackOff", Message = "back-off 40s" } }), "CrashLoopBackOff: back-off 40s" },
        { Pods.Unready("a", pod => pod.Status.ContainerStatuses[0].State = new V1ContainerState { Terminated = new V1ContainerStateTerminated { Reason = "Error", ExitCode = 3 } }), "Error: container main ended with exit code 3" },
        { Pods.Ready("a", pod => pod.Status.Conditions[0] = new V1PodCondition { Type = "Ready", Status = "False", Reason = "ReadinessGatesNotReady", Message = "the status of pod readiness gate \"x\" is not \"True\"" }), "ReadinessGatesNotReady: the status of pod readiness gate \"x\" is not \"True\"" },
        { new V1Pod(), "NotReady" },
    };

    private static V1ContainerStatus Status(string name, V1ContainerState state) => new() { Name = name, State = state, Image = "", ImageID = "" };

    [Theory]
    [MemberData(nameof(NotRunning))]
    public void Why_a_pod_does_not_run(V1Pod pod, string why) => PodFacts.WhyNotRunning(pod).ToString().Should().Be(why);

    [Theory]
    [MemberData(nameof(NotReady))]
    public void Why_a_pod_is_not_ready(V1Pod pod, string why) => PodFacts.WhyNotReady(pod).ToString().Should().Be(why);
}
