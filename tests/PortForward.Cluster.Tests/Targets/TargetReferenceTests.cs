using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Targets;

public sealed class TargetReferenceTests
{
    [Theory]
    [InlineData("web", nameof(TargetKind.Pod))]
    [InlineData("pod/web", nameof(TargetKind.Pod))]
    [InlineData("pods/web", nameof(TargetKind.Pod))]
    [InlineData("po/web", nameof(TargetKind.Pod))]
    [InlineData("PoD/web", nameof(TargetKind.Pod))]
    [InlineData("PODS/web", nameof(TargetKind.Pod))]
    [InlineData("pods./web", nameof(TargetKind.Pod))]
    [InlineData("pods.v1./web", nameof(TargetKind.Pod))]
    [InlineData("svc/web", nameof(TargetKind.Service))]
    [InlineData("service/web", nameof(TargetKind.Service))]
    [InlineData("Services/web", nameof(TargetKind.Service))]
    [InlineData("deploy/web", nameof(TargetKind.Deployment))]
    [InlineData("deployment/web", nameof(TargetKind.Deployment))]
    [InlineData("deployments/web", nameof(TargetKind.Deployment))]
    [InlineData("Deployment/web", nameof(TargetKind.Deployment))]
    [InlineData("deploy.apps/web", nameof(TargetKind.Deployment))]
    [InlineData("deployment.apps/web", nameof(TargetKind.Deployment))]
    [InlineData("deployments.app/web", nameof(TargetKind.Deployment))]
    [InlineData("deployments.v1.apps/web", nameof(TargetKind.Deployment))]
    [InlineData("deploy.v1.apps/web", nameof(TargetKind.Deployment))]
    [InlineData("rs/web", nameof(TargetKind.ReplicaSet))]
    [InlineData("replicaset.apps/web", nameof(TargetKind.ReplicaSet))]
    [InlineData("replicasets/web", nameof(TargetKind.ReplicaSet))]
    [InlineData("sts/web", nameof(TargetKind.StatefulSet))]
    [InlineData("statefulset/web", nameof(TargetKind.StatefulSet))]
    [InlineData("statefulsets/web", nameof(TargetKind.StatefulSet))]
    [InlineData("ds/web", nameof(TargetKind.DaemonSet))]
    [InlineData("daemonset/web", nameof(TargetKind.DaemonSet))]
    [InlineData("daemonsets/web", nameof(TargetKind.DaemonSet))]
    [InlineData("job/web", nameof(TargetKind.Job))]
    [InlineData("jobs/web", nameof(TargetKind.Job))]
    [InlineData("job.batch/web", nameof(TargetKind.Job))]
    [InlineData("jobs.v1.batch/web", nameof(TargetKind.Job))]
    [InlineData("rc/web", nameof(TargetKind.ReplicationController))]
    [InlineData("replicationcontroller/web", nameof(TargetKind.ReplicationController))]
    [InlineData("replicationcontrollers/web", nameof(TargetKind.ReplicationController))]
    public void Types_are_known_in_all_their_forms(string text, string kind)
    {
        TargetReference target = TargetReference.Parse(text);

        target.Should().Be(new TargetReference(Enum.Parse<TargetKind>(kind), "web"));
        target.ToString().Should().Be($"{kind.ToLowerInvariant()}/web");
    }

    // Up to "with pods" the texts are kubectl's, seen with 1.33.
    private const string Use = "; use pod, service, deployment, replicaset, statefulset, daemonset, job or replicationcontroller";

    [Theory]
    [InlineData("a/b/c", "arguments in resource/name form may not have more than one slash")]
    [InlineData("//", "arguments in resource/name form may not have more than one slash")]
    [InlineData("/web", "arguments in resource/name form must have a single resource and name")]
    [InlineData("pod/", "arguments in resource/name form must have a single resource and name")]
    [InlineData("/", "arguments in resource/name form must have a single resource and name")]
    [InlineData("pod,svc/web", "arguments in resource/name form must have a single resource and name")]
    [InlineData("", "resource name may not be empty")]
    [InlineData("pod/.", "invalid resource name \".\": [may not be '.']")]
    [InlineData("..", "invalid resource name \"..\": [may not be '..']")]
    [InlineData("pod/a%2fb", "invalid resource name \"a%2fb\": [may not contain '%']")]
    [InlineData("foo/web", "the server doesn't have a resource type \"foo\" with pods to forward to" + Use)]
    [InlineData("scv/web", "the server doesn't have a resource type \"scv\" with pods to forward to (did you mean svc?)" + Use)]
    [InlineData("Deplyment/web", "the server doesn't have a resource type \"Deplyment\" with pods to forward to (did you mean deployment?)" + Use)]
    [InlineData("foo.example.com/web", "the server doesn't have a resource type \"foo\" with pods to forward to" + Use)]
    [InlineData("deployments.v1beta1.apps/web", "the server doesn't have a resource type \"deployments\" with pods to forward to" + Use)]
    [InlineData("deployments.batch/web", "the server doesn't have a resource type \"deployments\" with pods to forward to" + Use)]
    [InlineData("pods.v1/web", "the server doesn't have a resource type \"pods\" with pods to forward to" + Use)]
    [InlineData("configmap/web", "a configmap has no pods to forward to" + Use)]
    [InlineData("CM/web", "a configmap has no pods to forward to" + Use)]
    [InlineData("cronjob/web", "a cronjob has no pods to forward to" + Use)]
    [InlineData("ing/web", "an ingress has no pods to forward to" + Use)]
    public void What_is_no_target_is_refused_with_the_reason(string text, string error)
    {
        TargetReference.TryParse(text, out TargetReference? target, out string? told).Should().BeFalse();
        target.Should().BeNull();
        told.Should().Be(error);
        FluentActions.Invoking(() => TargetReference.Parse(text)).Should().Throw<FormatException>().WithMessage(error);
    }
}
