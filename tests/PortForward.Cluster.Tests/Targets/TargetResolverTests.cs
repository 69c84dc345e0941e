using System.Collections.Concurrent;
using System.Net;
using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;
using PortForward.Cluster.Tests.Api;

namespace PortForward.Cluster.Tests.Targets;

public sealed class TargetResolverTests : IDisposable
{
    private const string Core = "/api/v1/namespaces/shop/";
    private const string Apps = "/apis/apps/v1/namespaces/shop/";
    private const string Slices = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices";
    private const string List = Core + "pods";
    private const string Watch = List + "?watch";
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(1);

    private readonly FakeApiServer _server = new();
    private readonly ObservedTime _time = new();
    private readonly Progress _progress = new();

    public void Dispose() => _server.Dispose();

    private sealed class Progress : IProgress<PodWaitProgress>
    {
        public ConcurrentQueue<string> Lines { get; } = [];

        public void Report(PodWaitProgress value) => Lines.Enqueue(value.ToString());
    }

    private Task<ResolvedTarget> ResolveAsync(string target, params string[] ports) => new TargetResolver(_server.Client(_time), _time).ResolveAsync(
        TargetReference.Parse(target), "shop", [.. ports.Select(PortSpec.Parse)], Timeout, _progress, CancellationToken.None);

    private async Task<ClusterException> RefusalAsync(string target, params string[] ports) =>
        (await FluentActions.Awaiting(() => ResolveAsync(target, ports).Soon()).Should().ThrowAsync<ClusterException>()).Which;

    private static ObjectMeta Named(string name) => new() { Name = name };

    private static readonly LabelSelector Selector = new() { MatchLabels = new Dictionary<string, string>(StringComparer.Ordinal) { ["app"] = "web" } };

    private void Deployment(int replicas = 1) =>
        _server.Answer(Apps + "deployments/web", new Workload { Metadata = Named("web"), Spec = new WorkloadSpec { Selector = Selector, Replicas = replicas } });

    private void Job(string? condition = null) => _server.Answer("/apis/batch/v1/namespaces/shop/jobs/web", new Workload
    {
        Metadata = Named("web"),
        Spec = new WorkloadSpec { Selector = Selector },
        Status = new WorkloadStatus { Conditions = condition is null ? null : [new Condition { Type = condition, Status = "True" }] },
    });

    private void Service(IDictionary<string, string>? selector) => _server.Answer(Core + "services/web", new Service
    {
        Metadata = Named("web"),
        Spec = new ServiceSpec { ClusterIP = "10.0.0.1", Selector = selector, Ports = [new ServicePort { Name = "http", Number = 80, TargetPort = "http", Protocol = "TCP" }] },
    });

    [Fact]
    public async Task A_running_pod_takes_one_request()
    {
        _server.Answer(Core + "pods/web", Pods.Ready("web").WithPort(8080, "http"));

        ResolvedTarget resolved = await ResolveAsync("web", "5000", "80:http", ":9");

        _server.Requests.Should().Equal(Core + "pods/web");
        resolved.Should().BeEquivalentTo(new { Namespace = "shop", PodName = "web", PodUid = "uid-web", Target = new TargetReference(TargetKind.Pod, "web") });
        resolved.Ports!.Select(port => (port.LocalPort, port.PodPort)).Should().Equal((5000, 5000), (80, 8080), (0, 9));
        resolved.Notes.Should().BeEmpty();
        _progress.Lines.Should().BeEmpty();
    }

    [Fact]
    public async Task A_pod_that_runs_but_is_not_ready_is_used_at_once_with_a_note()
    {
        _server.Answer(Core + "pods/web", Pods.Unready("web"));

        (await ResolveAsync("pod/web", "80")).Notes.Should().Equal("pod web is running but not ready (ContainersNotReady: container main is not ready)");
    }

    [Fact]
    public async Task A_missing_pod_is_told_in_the_servers_words()
    {
        _server.Miss(Core + "pods/web", "pods", "web");
        _server.Answer("/api/v1/namespaces/shop", new Workload { Metadata = new ObjectMeta { Name = "shop" } });

        ClusterException refusal = await RefusalAsync("web", "80");

        refusal.Message.Should().Be("Error from server (NotFound): pods \"web\" not found");
        refusal.IsVerbatim.Should().BeTrue();
    }

    [Fact]
    public async Task A_missing_namespace_is_told_instead_of_what_was_looked_for_in_it()
    {
        _server.Miss(Core + "services/web", "services", "web");
        _server.Miss("/api/v1/namespaces/shop", "namespaces", "shop");

        (await RefusalAsync("svc/web", "80")).Message.Should().Be("Error from server (NotFound): namespaces \"shop\" not found");
    }

    [Fact]
    public async Task A_gateway_that_finds_nothing_says_nothing_about_the_namespace()
    {
        _server.Answer(Core + "services/web", HttpStatusCode.NotFound, "404 page not found", "text/plain");

        (await RefusalAsync("svc/web", "80")).Message.Should().Be("Error from server (NotFound): the server could not find the requested resource (get services web): 404 page not found");
    }

    [Fact]
    public async Task Without_the_right_to_list_a_pending_pod_outlasts_a_gateway_that_finds_nothing()
    {
        _server.Answer(Core + "pods/web", Pods.Pending("web"));
        _server.Answer(Core + "pods/web", HttpStatusCode.NotFound, "404 page not found", "text/plain").Answer(Core + "pods/web", Pods.Ready("web"));
        _server.Refuse(List, HttpStatusCode.Forbidden, "Forbidden", "pods is forbidden: cannot list");
        Task<ResolvedTarget> resolving = ResolveAsync("web", "80");

        await _time.PassAsync(TimeSpan.FromSeconds(1));

        (await resolving).PodName.Should().Be("web");
        _progress.Lines.Should().Equal("waiting for pod web to run (Pending)");
    }

    [Fact]
    public async Task A_headless_service_that_names_another_target_port_is_noted()
    {
        _server.Answer(Core + "services/web", new Service
        {
            Metadata = new ObjectMeta { Name = "web" },
            Spec = new ServiceSpec
            {
                ClusterIP = "None",
                Selector = new Dictionary<string, string>(StringComparer.Ordinal) { ["app"] = "web" },
                Ports = [new ServicePort { Number = 5432, TargetPort = "5433" }],
            },
        });
        _server.Answer(List, Pods.List(Pods.Ready("web-1")));

        ResolvedTarget target = await ResolveAsync("svc/web", "5432");

        target.Ports.Single().PodPort.Should().Be(5432);
        target.Notes.Should().Equal("service web is headless: its port 5432 leads to port 5432 of the pod and not to its targetPort 5433; use pod/web-1 5432:5433 for that one");
    }

    [Fact]
    public async Task A_namespace_that_may_not_be_read_is_taken_to_exist()
    {
        _server.Miss(Core + "pods/web", "pods", "web");
        _server.Refuse("/api/v1/namespaces/shop", HttpStatusCode.Forbidden, "Forbidden", "namespaces \"shop\" is forbidden");

        (await RefusalAsync("web", "80")).Message.Should().Be("Error from server (NotFound): pods \"web\" not found");
    }

    [Theory]
    [InlineData("Succeeded", null, "unable to forward port because pod is not running. Current status=Succeeded")]
    [InlineData("Failed", "Evicted", "unable to forward port because pod is not running. Current status=Failed (Evicted)")]
    public async Task A_pod_that_is_over_is_refused_at_once(string phase, string? reason, string error)
    {
        _server.Answer(Core + "pods/web", Pods.InPhase("web", phase).With(pod => pod.Status!.Reason = reason));

        (await RefusalAsync("web", "80")).Message.Should().Be(error);
        _server.Requests.Should().HaveCount(1);
    }

    [Fact]
    public async Task A_port_that_a_pending_pod_will_never_have_is_refused_before_any_wait()
    {
        _server.Answer(Core + "pods/web", Pods.Pending("web"));

        (await RefusalAsync("web", "http")).Message.Should().Be("Pod 'web' does not have a named port 'http'");
    }

    [Fact]
    public async Task A_pending_pod_is_watched_until_it_runs()
    {
        _server.Answer(Core + "pods/web", Pods.Pending("web"));
        _server.Answer(List, Pods.List(Pods.Waiting("web", "ContainerCreating")));
        _server.Watch(Watch)
            .Send("MODIFIED", Pods.Waiting("web", "ContainerCreating"))
            .Send("MODIFIED", Pods.Waiting("web", "ErrImagePull", "not found"))
            .Send("MODIFIED", Pods.Unready("web"));

        ResolvedTarget resolved = await ResolveAsync("web", "80");

        resolved.PodName.Should().Be("web");
        resolved.Notes.Should().ContainSingle();
        _progress.Lines.Should().Equal(
            "waiting for pod web to run (Pending)",
            "waiting for pod web to run (ContainerCreating)",
            "waiting for pod web to run (ErrImagePull: not found)");
        _server.Requests.Should().Equal(
            Core + "pods/web",
            List + "?fieldSelector=metadata.name=web&limit=500",
            List + "?fieldSelector=metadata.name=web&watch=true&allowWatchBookmarks=true&resourceVersion=100");
    }

    [Fact]
    public async Task A_pending_pod_that_is_over_before_it_was_seen_running_is_refused()
    {
        _server.Answer(Core + "pods/web", Pods.Pending("web"));
        _server.Answer(List, Pods.List(Pods.Pending("web")));
        _server.Watch(Watch).Send("MODIFIED", Pods.InPhase("web", "Failed"));

        (await RefusalAsync("web", "80")).Message.Should().Be("unable to forward port because pod is not running. Current status=Failed");
    }

    [Fact]
    public async Task Without_the_right_to_list_a_pending_pod_is_read_again_and_again()
    {
        _server.Answer(Core + "pods/web", Pods.Pending("web")).Answer(Core + "pods/web", Pods.Waiting("web", "ContainerCreating"));
        _server.Miss(Core + "pods/web", "pods", "web");
        _server.Answer(Core + "pods/web", HttpStatusCode.BadGateway, "", "text/plain").Answer(Core + "pods/web", Pods.Ready("web"));
        _server.Refuse(List, HttpStatusCode.Forbidden, "Forbidden", "pods is forbidden: cannot list");
        Task<ResolvedTarget> resolving = ResolveAsync("web", "80");

        for (int polls = 0; polls < 3; polls++)
        {
            await _time.PassAsync(TimeSpan.FromSeconds(1));
        }

        (await resolving).PodName.Should().Be("web");
        _progress.Lines.Should().Equal(
            "waiting for pod web to run (Pending)",
            "waiting for pod web to run (ContainerCreating)",
            "waiting for a pod of pod/web (there is no pod web)");
    }

    [Fact]
    public async Task A_wait_ends_at_the_timeout_with_the_last_reason()
    {
        _server.Answer(Core + "pods/web", Pods.Pending("web"));
        _server.Answer(List, Pods.List(Pods.Waiting("web", "ImagePullBackOff", "Back-off pulling image \"web:1\"")));
        _server.Watch(Watch);
        Task<ClusterException> refusal = RefusalAsync("web", "80");
        while (!(await _server.NextRequestAsync()).Contains("watch", StringComparison.Ordinal)) { }

        _time.Advance(Timeout);

        (await refusal).Message.Should().Be(
            "timed out waiting for pod/web after 1m0s: pod web is not running (ImagePullBackOff: Back-off pulling image \"web:1\")");
    }

    [Fact]
    public async Task A_wait_during_which_the_server_was_lost_says_so()
    {
        Deployment();
        _server.Answer(List, Pods.List());
        _server.Fail(Watch, new HttpRequestException("no route to host"));
        Task<ClusterException> refusal = RefusalAsync("deploy/web", "80");
        await _time.PassAsync(TimeSpan.FromMilliseconds(100));
        await _time.PassAsync(TimeSpan.FromSeconds(1));

        _time.Advance(Timeout);

        (await refusal).Message.Should().Be("timed out waiting for deployment/web after 1m0s: Unable to connect to the server: no route to host");
    }

    [Fact]
    public async Task The_callers_cancellation_ends_a_wait()
    {
        Deployment();
        _server.Answer(List, Pods.List());
        _server.Watch(Watch);
        using var end = new CancellationTokenSource();
        Task<ResolvedTarget> resolving = new TargetResolver(_server.Client(_time), _time).ResolveAsync(
            TargetReference.Parse("deploy/web"), "shop", [PortSpec.Parse("80")], Timeout, null, end.Token);

        await end.CancelAsync();

        await FluentActions.Awaiting(() => resolving).Should().ThrowAsync<OperationCanceledException>();
    }

    private static readonly Dictionary<string, (string Path, object Object)> WorkloadObjects = new(StringComparer.Ordinal)
    {
        ["deploy/web"] = (Apps + "deployments/web", new Workload { Metadata = Named("web"), Spec = new WorkloadSpec { Selector = Selector } }),
        ["rs/web"] = (Apps + "replicasets/web", new Workload { Metadata = Named("web"), Spec = new WorkloadSpec { Selector = Selector } }),
        ["sts/web"] = (Apps + "statefulsets/web", new Workload { Metadata = Named("web"), Spec = new WorkloadSpec { Selector = Selector } }),
        ["ds/web"] = (Apps + "daemonsets/web", new Workload { Metadata = Named("web"), Spec = new WorkloadSpec { Selector = Selector } }),
        ["job/web"] = ("/apis/batch/v1/namespaces/shop/jobs/web", new Workload { Metadata = Named("web"), Spec = new WorkloadSpec { Selector = Selector } }),
        ["rc/web"] = (Core + "replicationcontrollers/web", new ReplicationController { Metadata = Named("web"), Spec = new ReplicationControllerSpec { Selector = Selector.MatchLabels } }),
    };

    public static IEnumerable<object[]> Workloads => WorkloadObjects.Keys.Select(target => new object[] { target });

    [Theory]
    [MemberData(nameof(Workloads))]
    public async Task A_workload_takes_two_requests_and_leads_to_kubectls_choice(string target)
    {
        (string path, object workload) = WorkloadObjects[target];
        _server.Answer(path, workload);
        _server.Answer(List, Pods.List(
            Pods.Pending("early"),
            Pods.Ready("young", pod => pod.Status!.Conditions![0].LastTransitionTime = Pods.Noon.AddHours(1)),
            Pods.Ready("old").WithPort(8080, "http")));

        ResolvedTarget resolved = await ResolveAsync(target, "http");

        resolved.PodName.Should().Be("old");
        resolved.Ports!.Should().ContainSingle().Which.PodPort.Should().Be(8080);
        _server.Requests.Should().Equal(path, List + "?labelSelector=app=web&limit=500");
    }

    [Theory]
    [MemberData(nameof(Workloads))]
    public async Task A_workload_without_selector_does_not_lead_to_the_pods_of_others(string target)
    {
        (string path, object workload) = WorkloadObjects[target];
        _server.Answer(path, HttpStatusCode.OK, FakeApiServer.Text(workload).Replace("\"app\":\"web\"", "", StringComparison.Ordinal));

        (await RefusalAsync(target, "80")).Message.Should().EndWith("has no selector, so it has no pods to forward to");
    }

    [Fact]
    public async Task A_service_leads_to_its_target_port()
    {
        Service(Selector.MatchLabels);
        _server.Answer(List, Pods.List(Pods.Ready("web-1").WithPort(8080, "http")));

        ResolvedTarget resolved = await ResolveAsync("svc/web", "80", "8888:http");

        resolved.Ports!.Select(port => (port.LocalPort, port.PodPort)).Should().Equal((80, 8080), (8888, 8080));
        _server.Requests.Should().Equal(Core + "services/web", List + "?labelSelector=app=web&limit=500");
    }

    [Fact]
    public async Task A_service_without_selector_is_refused()
    {
        Service(null);
        _server.Answer(Slices, new ObjectList<EndpointSlice> { Items = [], Metadata = new ListMeta { ResourceVersion = "1" } });

        (await RefusalAsync("svc/web", "80")).Message.Should().Be("invalid service 'web': Service is defined without a selector, so it has no pods to forward to");
    }

    [Fact]
    public async Task A_service_without_selector_takes_three_requests_and_leads_where_its_slice_does()
    {
        Service(null);
        _server.Answer(Slices, new ObjectList<EndpointSlice>
        {
            Items = [new EndpointSlice
            {
                Metadata = Named("web-x"),
                Endpoints = [new Endpoint { Addresses = ["10.0.0.2"] }],
                Ports = [new EndpointPort { Name = "http", Port = 8081 }],
            }],
            Metadata = new ListMeta { ResourceVersion = "1" },
        });
        _server.Answer(List, Pods.List(Pods.Ready("web-1", pod => pod.Status!.PodIP = "10.0.0.1"), Pods.Ready("web-2", pod => pod.Status!.PodIP = "10.0.0.2")));
        _server.Hang(Slices + "?watch");
        _server.Hang(Watch);

        ResolvedTarget resolved = await ResolveAsync("svc/web", "80");

        resolved.PodName.Should().Be("web-2");
        resolved.Ports!.Select(port => (port.LocalPort, port.PodPort)).Should().Equal((80, 8081));
        _server.Requests.Take(3).Should().Equal(Core + "services/web", Slices + "?labelSelector=kubernetes.io/service-name=web&limit=500", List + "?limit=500");
    }

    [Theory]
    [InlineData(HttpStatusCode.Forbidden, "Forbidden")]
    [InlineData(HttpStatusCode.NotFound, "NotFound")]
    public async Task Without_the_right_to_list_slices_or_without_slices_a_service_without_selector_is_refused_too(HttpStatusCode code, string reason)
    {
        Service(null);
        _server.Refuse(Slices, code, reason, "endpointslices.discovery.k8s.io is forbidden");

        ClusterException refusal = await RefusalAsync("svc/web", "80");

        refusal.Message.Should().Be("invalid service 'web': Service is defined without a selector, so it has no pods to forward to");
        (refusal.StatusCode, refusal.IsObjectMissing).Should().Be(((HttpStatusCode?)code, false));
    }

    [Fact]
    public async Task A_selector_takes_one_request()
    {
        _server.Answer(List, Pods.List(Pods.Ready("web-1").WithPort(8080, "http")));

        ResolvedTarget resolved = await ResolveAsync("selector/app in (web)", "80:http");

        resolved.Ports!.Select(port => (port.LocalPort, port.PodPort)).Should().Equal((80, 8080));
        _server.Requests.Should().Equal(List + "?labelSelector=app in (web)&limit=500");
    }

    [Fact]
    public async Task A_port_that_a_service_does_not_have_is_refused_before_its_pods_are_looked_for()
    {
        Service(Selector.MatchLabels);

        (await RefusalAsync("svc/web", "8080")).Message.Should().Be("Service web does not have a service port 8080");
        _server.Requests.Should().HaveCount(1);
    }

    [Fact]
    public async Task A_workload_whose_pods_may_not_be_listed_is_refused_in_the_servers_words()
    {
        Deployment();
        _server.Refuse(List, HttpStatusCode.Forbidden, "Forbidden", "pods is forbidden: User \"u\" cannot list resource \"pods\"");

        (await RefusalAsync("deploy/web", "80")).Message.Should().Be("Error from server (Forbidden): pods is forbidden: User \"u\" cannot list resource \"pods\"");
    }

    [Fact]
    public async Task A_workload_is_waited_for_until_one_of_its_pods_runs()
    {
        Deployment();
        _server.Answer(List, Pods.List());
        _server.Watch(Watch)
            .Send("ADDED", Pods.Pending("web-1"))
            .Send("ADDED", Pods.Waiting("web-2", "ContainerCreating"))
            .Send("MODIFIED", Pods.Ready("web-2"));

        (await ResolveAsync("deploy/web", "80")).PodName.Should().Be("web-2");

        _progress.Lines.Should().Equal(
            "waiting for a pod of deployment/web (no pod matches its selector app=web)",
            "waiting for pod web-1 to run (Pending)");
    }

    [Fact]
    public async Task Without_the_right_to_watch_a_workloads_pods_are_listed_again_and_again()
    {
        Deployment(replicas: 0);
        _server.Answer(List, Pods.List()).Answer(List, Pods.List(Pods.Ready("web-1")));
        _server.Refuse(Watch, HttpStatusCode.Forbidden, "Forbidden", "cannot watch");
        Task<ResolvedTarget> resolving = ResolveAsync("deploy/web", "80");

        await _time.PassAsync(TimeSpan.FromSeconds(2));

        (await resolving).PodName.Should().Be("web-1");
        _progress.Lines.Should().Equal("waiting for a pod of deployment/web (it is scaled to 0 replicas)");
    }

    [Theory]
    [InlineData("Complete", "Succeeded")]
    [InlineData("Failed", "Failed")]
    public async Task A_job_that_has_come_to_its_end_is_refused_at_once(string condition, string phase)
    {
        Job(condition);
        _server.Answer(List, Pods.List(Pods.InPhase("web-1", phase)));

        (await RefusalAsync("job/web", "80")).Message.Should().Be($"unable to forward port because pod is not running. Current status={phase}");
    }

    [Fact]
    public async Task A_job_that_has_come_to_its_end_without_pods_is_refused_at_once()
    {
        Job("Complete");
        _server.Answer(List, Pods.List());

        (await RefusalAsync("job/web", "80")).Message.Should().Be("job/web has finished, and none of its pods is left to forward to");
    }

    [Fact]
    public async Task A_job_that_tries_again_is_waited_for_and_refused_when_it_ends()
    {
        Job();
        Job("Failed");
        _server.Answer(List, Pods.List(Pods.Pending("web-1")));
        _server.Watch(Watch).Send("MODIFIED", Pods.InPhase("web-1", "Failed"));

        (await RefusalAsync("job/web", "80")).Message.Should().Be("unable to forward port because pod is not running. Current status=Failed");
        _progress.Lines.Should().Equal("waiting for pod web-1 to run (Pending)");
    }

    [Fact]
    public async Task Evicted_pods_of_a_workload_do_not_end_the_wait_for_their_successor()
    {
        Deployment();
        _server.Answer(List, Pods.List(Pods.InPhase("web-1", "Failed")));
        _server.Watch(Watch).Send("ADDED", Pods.Ready("web-2"));

        (await ResolveAsync("deploy/web", "80")).PodName.Should().Be("web-2");
    }

    [Fact]
    public async Task A_local_port_asked_for_twice_goes_to_the_first()
    {
        _server.Answer(Core + "pods/web", Pods.Ready("web"));

        ResolvedTarget resolved = await ResolveAsync("web", "8080:80", "8080:81", "8080:80", ":80", ":80", "80");

        resolved.Ports!.Select(port => (port.LocalPort, port.PodPort)).Should().Equal((8080, 80), (0, 80), (0, 80), (80, 80));
        resolved.Notes.Should().Equal("local port 8080 is asked for twice: 8080:81 is left out, 8080:80 has it");
    }

    [Theory]
    [InlineData("", "namespace may not be empty")]
    [InlineData("..", "invalid namespace \"..\": [may not be '..']")]
    [InlineData("a/b", "invalid namespace \"a/b\": [may not contain '/']")]
    public async Task A_namespace_that_cannot_be_part_of_a_path_is_refused(string @namespace, string error) =>
        await FluentActions.Awaiting(() => new TargetResolver(_server.Client()).ResolveAsync(
            TargetReference.Parse("web"), @namespace, [PortSpec.Parse("80")], Timeout, null, CancellationToken.None))
            .Should().ThrowAsync<ClusterException>().WithMessage(error);
}
