using static PortForward.Cli.Tests.DropIn.DropInCase;

namespace PortForward.Cli.Tests.DropIn;

/// <summary>What is forwarded to: types and names, and the pod behind them.</summary>
public sealed class TargetTests(DropInCluster cluster) : IClassFixture<DropInCluster>
{
    public static TheoryData<string> Names => NamesOf(Cases);

    internal static IReadOnlyList<DropInCase> Cases { get; } =
    [
        Serves("solo :7000"),
        Serves("pod/solo :7000"),
        Serves("pods/solo :7000").Thorough(),
        Serves("po/solo :7000").Thorough(),
        Serves("Pod/solo :7000").Thorough(),
        Serves("pods.v1./solo :7000").Thorough(),
        Serves("svc/web :80"),
        Serves("service/web :80").Thorough(),
        Serves("services/web :80").Thorough(),
        Serves("deploy/web :7000"),
        Serves("deployment/web :7000").Thorough(),
        Serves("deployments/web :7000").Thorough(),
        Serves("deployment.apps/web :7000"),
        Serves("deployments.v1.apps/web :7000"),
        Serves("deploy.apps/web :7000").Thorough(),
        Serves("rs/web-abc :7000").Thorough(),
        Serves("replicaset/web-abc :7000").Thorough(),
        Serves("replicasets.apps/web-abc :7000").Thorough(),
        Serves("sts/web :7000"),
        Serves("statefulset/web :7000").Thorough(),
        Serves("statefulsets.apps/web :7000").Thorough(),
        Serves("ds/web :7000"),
        Serves("daemonset/web :7000").Thorough(),
        Serves("job/web :7000").Thorough(),
        Serves("jobs.batch/web :7000").Thorough(),
        Serves("rc/web :7000"),
        Serves("replicationcontroller/web :7000").Thorough(),
        Serves("-n kube-system elsewhere :7000"),
        Serves("-n kube-system svc/web :80").Thorough(),

        Serves("svc/ages :80"),
        Serves("svc/ready :80"),
        Serves("svc/restarts :80"),
        Serves("svc/since :80").Thorough(),
        Serves("svc/leaving :80"),
        Serves("svc/mixed :80").Thorough(),
        Serves("unready :7000")
            .InOtherWords("notes", null, "note: pod unready is running but not ready (ContainersNotReady: container main is not ready)").Thorough(),
        Serves("svc/unready :80")
            .InOtherWords("notes", null, "note: pod unready is running but not ready (ContainersNotReady: container main is not ready)"),
        Serves("deploy/unready :7000")
            .InOtherWords("notes", null, "note: pod unready is running but not ready (ContainersNotReady: container main is not ready)").Thorough(),
        Serves("terminating :7000"),

        Fails("")
            .InOtherWords("clearer-words", "error: TYPE/NAME and list of ports are required for port-forward", "error: TYPE/NAME and list of ports are required for port-forward, as in: pf pod/web 8080:80"),
        Fails("solo")
            .InOtherWords("clearer-words", "error: TYPE/NAME and list of ports are required for port-forward", "error: TYPE/NAME and list of ports are required for port-forward, as in: pf pod/web 8080:80"),
        Fails("pod/solo")
            .InOtherWords("clearer-words", "error: TYPE/NAME and list of ports are required for port-forward", "error: TYPE/NAME and list of ports are required for port-forward, as in: pf pod/web 8080:80"),
        Fails("pod solo :7000"),
        Fails("svc web :80").Thorough(),
        Fails("pod/solo pod/web-1 :7000")
            .InOtherWords("many-targets", "error: Pod 'solo' does not have a named port 'pod/web-1'", "error: pod/solo has no port: each target is followed by its own, as in pod/solo :80"),
        Fails("pod/solo/extra :7000"),
        Fails("a/b/c/d :7000").Thorough(),
        Fails("pod/ :7000"),
        Fails("/solo :7000"),
        Fails("/ :7000").Thorough(),
        Fails("pod,svc/web :7000"),
        Fails("'' :7000"),
        Serves("-l app=web :7000").ButKubectl(Ending.Fails, "selector", "error: unknown shorthand flag: 'l' in -l"),
        Serves("--selector app=web :7000").ButKubectl(Ending.Fails, "selector", "error: unknown flag: --selector").Thorough(),
        Fails("pod/solo -l app=web :7000")
            .InOtherWords("selector", "error: unknown shorthand flag: 'l' in -l", "error: -l stands for the target, so pod/solo cannot be one too: leave out one of them"),
        Fails("nope :7000"),
        Fails("pod/nope :7000").Thorough(),
        Fails("svc/nope :80"),
        Fails("deploy/nope :80"),
        Fails("deployment.apps/nope :80").Thorough(),
        Fails("rs/nope :80").Thorough(),
        Fails("sts/nope :80").Thorough(),
        Fails("ds/nope :80").Thorough(),
        Fails("job/nope :80").Thorough(),
        Fails("rc/nope :80").Thorough(),
        Fails("-n nowhere pod/solo :7000"),
        Fails("-n nowhere svc/web :80"),
        Fails("foo/solo :7000")
            .InOtherWords("types-without-pods", "error: the server doesn't have a resource type \"foo\"", "error: the server doesn't have a resource type \"foo\" with pods to forward to; use pod, service, deployment, replicaset, statefulset, daemonset, job or replicationcontroller"),
        Fails("pods.apps/solo :7000")
            .InOtherWords("types-without-pods", "error: the server doesn't have a resource type \"pods\"", "error: the server doesn't have a resource type \"pods\" with pods to forward to; use pod, service, deployment, replicaset, statefulset, daemonset, job or replicationcontroller").Thorough(),
        Fails("deployment.batch/web :7000")
            .InOtherWords("types-without-pods", "error: the server doesn't have a resource type \"deployment\"", "error: the server doesn't have a resource type \"deployment\" with pods to forward to; use pod, service, deployment, replicaset, statefulset, daemonset, job or replicationcontroller"),
        Fails("cm/web :7000")
            .InOtherWords("types-without-pods", "Error from server (NotFound): configmaps \"web\" not found", "error: a configmap has no pods to forward to; use pod, service, deployment, replicaset, statefulset, daemonset, job or replicationcontroller"),
        Fails("node/node-1 :7000")
            .InOtherWords("types-without-pods", "error: cannot attach to *v1.Node: selector for *v1.Node not implemented", "error: a node has no pods to forward to; use pod, service, deployment, replicaset, statefulset, daemonset, job or replicationcontroller"),
        Fails("ns/default :7000")
            .InOtherWords("types-without-pods", "error: cannot attach to *v1.Namespace: selector for *v1.Namespace not implemented", "error: a namespace has no pods to forward to; use pod, service, deployment, replicaset, statefulset, daemonset, job or replicationcontroller").Thorough(),
        Fails("all/web :7000")
            .InOtherWords("types-without-pods", "error: the server doesn't have a resource type \"all\"", "error: the server doesn't have a resource type \"all\" with pods to forward to; use pod, service, deployment, replicaset, statefulset, daemonset, job or replicationcontroller"),
        Fails("pod/SOLO :7000"),
        Fails("pod/. :7000"),
        Fails("pod/a%2fb :7000"),
        Fails("pod/pending --pod-running-timeout=3s :7000")
            .InOtherWords("waits-for-running", "error: unable to forward port because pod is not running. Current status=Pending", "error: timed out waiting for pod/pending after 3s: pod pending is not running (Pending)"),
        Fails("pod/succeeded :7000"),
        Fails("pod/failed :7000").Thorough(),
        Fails("deploy/pending --pod-running-timeout=3s :7000")
            .InOtherWords("waits-for-running", "error: unable to forward port because pod is not running. Current status=Pending", "error: timed out waiting for deployment/pending after 3s: pod pending is not running (Pending)"),
        Fails("deploy/nobody --pod-running-timeout=3s :7000")
            .InOtherWords("waits-for-running", "error: timed out waiting for the condition", "error: timed out waiting for deployment/nobody after 3s: no pod matches its selector app=nobody"),
        Fails("deploy/over --pod-running-timeout=3s :7000")
            .InOtherWords("waits-for-running", "error: unable to forward port because pod is not running. Current status=Succeeded", "error: timed out waiting for deployment/over after 3s: pod succeeded is not running (Succeeded)"),
        Fails("svc/nobody --pod-running-timeout=3s :80")
            .InOtherWords("waits-for-running", "error: timed out waiting for the condition", "error: timed out waiting for service/nobody after 3s: no pod matches its selector app=nobody"),
        Serves("svc/sliced :80").ButKubectl(Ending.Fails, "endpoint-slices", "error: cannot attach to *v1.Service: invalid service 'sliced': Service is defined without a selector"),
        Fails("svc/sliced-outside :80")
            .InOtherWords(
                "endpoint-slices", "error: cannot attach to *v1.Service: invalid service 'sliced-outside': Service is defined without a selector",
                "error: service/sliced-outside goes to 192.0.2.1, which is no pod of namespace default: only pods can be forwarded to, so connect to that address itself"),
        Fails("svc/alone :80")
            .InOtherWords("endpoint-slices", "error: cannot attach to *v1.Service: invalid service 'alone': Service is defined without a selector", "error: invalid service 'alone': Service is defined without a selector, so it has no pods to forward to"),
    ];

    [DropInTheory]
    [MemberData(nameof(Names))]
    public Task Pf_takes_a_target_as_kubectl_does(string name) => cluster.CompareAsync(Cases.Single(one => one.Name == name));
}
