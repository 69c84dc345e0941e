using System.Text.Json;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Api;

/// <summary>Objects as real servers write them.</summary>
public sealed class ObjectJsonTests
{
    [Fact]
    public void A_pod_is_read_and_what_is_not_needed_of_it_is_skipped()
    {
        Pod pod = JsonSerializer.Deserialize(
            """
            {"kind":"Pod","apiVersion":"v1","metadata":{"name":"web-1","namespace":"shop","uid":"u-1","resourceVersion":"77","generation":2,"creationTimestamp":"2026-01-02T03:04:05Z",
             "deletionTimestamp":"2026-01-02T03:05:05.5Z","deletionGracePeriodSeconds":30,"labels":{"app":"web"},"annotations":{"a":"b"},
             "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-1a","uid":"o","controller":true,"blockOwnerDeletion":true}],
             "managedFields":[{"manager":"kubelet","fieldsV1":{"f:metadata":{"f:labels":{".":{}}}}}]},
             "spec":{"volumes":[{"name":"v","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607}}],"defaultMode":420}}],"nodeName":"n1",
              "containers":[{"name":"main","image":"x","resources":{"limits":{"cpu":"100m"},"requests":{"cpu":1}},"ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}]}],
              "initContainers":[{"name":"side","restartPolicy":"Always"}],"tolerations":[{"key":"k","operator":"Exists"}]},
             "status":{"phase":"Running","reason":"R","message":"M","podIP":"10.0.0.1","conditions":[{"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":"2026-01-02T03:04:09Z"}],
              "containerStatuses":[{"name":"main","state":{"running":{"startedAt":"2026-01-02T03:04:08Z"}},"lastState":{},"ready":true,"restartCount":3,"image":"x","imageID":"y","started":true}],
              "initContainerStatuses":[{"name":"side","state":{"terminated":{"exitCode":3,"reason":"Error"}},"ready":false,"restartCount":0}]}}
            """,
            ObjectJson.Default.Pod)!;

        pod.Metadata.Should().BeEquivalentTo(new ObjectMeta
        {
            Name = "web-1",
            Uid = "u-1",
            ResourceVersion = "77",
            Labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["app"] = "web" },
            Annotations = new Dictionary<string, string>(StringComparer.Ordinal) { ["a"] = "b" },
            CreationTimestamp = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc),
            DeletionTimestamp = new DateTime(2026, 1, 2, 3, 5, 5, 500, DateTimeKind.Utc),
            OwnerReferences = [new OwnerReference { Kind = "ReplicaSet", Name = "web-1a", Controller = true }],
        });
        pod.Spec.Should().BeEquivalentTo(new PodSpec
        {
            NodeName = "n1",
            Containers = [new Container { Name = "main", Ports = [new ContainerPort { Name = "http", Number = 8080, Protocol = "TCP" }] }],
            InitContainers = [new Container { Name = "side", RestartPolicy = "Always" }],
        });
        pod.Status.Should().BeEquivalentTo(new PodStatus
        {
            Phase = "Running",
            PodIP = "10.0.0.1",
            Reason = "R",
            Message = "M",
            Conditions = [new Condition { Type = "Ready", Status = "True", LastTransitionTime = new DateTime(2026, 1, 2, 3, 4, 9, DateTimeKind.Utc) }],
            ContainerStatuses = [
                new ContainerStatus { Name = "main", Ready = true, Started = true, RestartCount = 3, State = new ContainerState { Running = new ContainerStateRunning() } },
            ],
            InitContainerStatuses = [
                new ContainerStatus { Name = "side", State = new ContainerState { Terminated = new ContainerStateTerminated { ExitCode = 3, Reason = "Error" } } },
            ],
        });
    }

    [Fact]
    public void A_services_target_ports_are_numbers_or_names()
    {
        Service service = JsonSerializer.Deserialize(
            """{"metadata":{"name":"web"},"spec":{"clusterIP":"None","selector":{"app":"web"},"ports":[{"port":80,"targetPort":8080},{"name":"x","port":81,"targetPort":"http","protocol":"UDP"},{"port":82}]}}""",
            ObjectJson.Default.Service)!;

        service.Spec.Should().BeEquivalentTo(new ServiceSpec
        {
            ClusterIP = "None",
            Selector = new Dictionary<string, string>(StringComparer.Ordinal) { ["app"] = "web" },
            Ports = [
                new ServicePort { Number = 80, TargetPort = "8080" },
                new ServicePort { Name = "x", Number = 81, TargetPort = "http", Protocol = "UDP" },
                new ServicePort { Number = 82 },
            ],
        });
    }

    [Theory]
    [InlineData("""{"metadata":{"name":5}}""")]
    [InlineData("""{"metadata":{"name":null}}""")]
    [InlineData("""{"metadata":{"name":"a"},"spec":{"containers":"none"}}""")]
    [InlineData("""{"metadata":{"name":"a","creationTimestamp":"yesterday"}}""")]
    [InlineData("[]")]
    public void What_is_no_pod_is_refused(string json)
    {
        FluentActions.Invoking(() => JsonSerializer.Deserialize(json, ObjectJson.Default.Pod)).Should().Throw<JsonException>();
    }

    [Theory]
    [InlineData("""{"items":[null]}""")]
    [InlineData("""{"items":[{"metadata":{}},{"metadata":{}}]}""")]
    [InlineData("""{"items":[{}]}""")]
    public void A_list_of_objects_without_names_is_refused(string json)
    {
        FluentActions.Invoking(() => ApiResources.Pods.ReadList(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(json)))).Should().Throw<JsonException>();
    }

    [Fact]
    public void Null_inside_a_list_or_a_map_is_nothing()
    {
        Pod pod = JsonSerializer.Deserialize(
            """
            {"metadata":{"name":"web-1","labels":{"app":"web","x":null},"annotations":{"x":null},"ownerReferences":[null,{"kind":"ReplicaSet","name":"web"}]},
             "spec":{"containers":[null,{"name":"main","ports":[null,{"containerPort":80},null]}],"initContainers":[null]},
             "status":{"conditions":[null,{"type":"Ready","status":"True"}],"containerStatuses":[null,{"name":"main","restartCount":2}],"initContainerStatuses":[null]}}
            """,
            ObjectJson.Default.Pod)!;

        pod.Metadata!.Labels.Should().Equal(new Dictionary<string, string>(StringComparer.Ordinal) { ["app"] = "web" });
        pod.Metadata.Annotations.Should().BeEmpty();
        pod.Metadata.OwnerReferences.Should().ContainSingle(owner => owner.Name == "web");
        pod.Spec!.Containers.Should().ContainSingle().Which.Ports.Should().ContainSingle(port => port.Number == 80);
        pod.Spec.InitContainers.Should().BeEmpty();
        pod.Status!.InitContainerStatuses.Should().BeEmpty();
        PodFacts.IsReady(pod).Should().BeTrue();
        PodFacts.MostRestarts(pod).Should().Be((2, 0));
        PodFacts.WhyNotRunning(pod).Should().NotBeNull();
        PodFacts.WhyNotReady(pod).Should().NotBeNull();
    }

    [Fact]
    public void Null_inside_a_service_or_a_workload_is_nothing()
    {
        Service service = JsonSerializer.Deserialize("""{"metadata":{"name":"web"},"spec":{"selector":{"app":"web","x":null},"ports":[null,{"port":80}]}}""", ObjectJson.Default.Service)!;
        Workload workload = JsonSerializer.Deserialize(
            """
            {"metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"x":null},"matchExpressions":[null,{"key":"app","operator":"In","values":[null,"web"]}]}},"status":{"conditions":[null]}}
            """,
            ObjectJson.Default.Workload)!;

        service.Spec!.Ports.Should().ContainSingle(port => port.Number == 80);
        service.Spec.Selector.Should().ContainSingle(label => label.Key == "app");
        workload.Spec!.Selector!.MatchLabels.Should().BeEmpty();
        workload.Spec.Selector.MatchExpressions.Should().ContainSingle().Which.Values.Should().Equal("web");
        workload.Status!.Conditions.Should().BeEmpty();
    }
}
