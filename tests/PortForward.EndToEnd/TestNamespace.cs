using System.Globalization;
using k8s;
using k8s.Models;

namespace PortForward.EndToEnd;

/// <summary>Tests that share the namespace, one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class ClusterTests : ICollectionFixture<TestNamespace>
{
    public const string Name = "a real cluster";
}

/// <summary>A namespace of the tests' own, with the workloads that they forward to.</summary>
public sealed class TestNamespace : IAsyncLifetime
{
    /// <summary>Two replicas that serve on for five seconds after SIGTERM, and a service.</summary>
    public const string Patient = "patient";

    /// <summary>Two replicas that exit at once.</summary>
    public const string Hasty = "hasty";

    /// <summary>A single replica.</summary>
    public const string Single = "single";

    /// <summary>A stateful set with one pod.</summary>
    public const string Stateful = "stateful";

    /// <summary>A service without a selector, in front of one pod at a time.</summary>
    public const string Failover = "failover";

    public string Name { get; } = $"pf-e2e-{Guid.NewGuid():n}"[..16];

    private static bool IsWanted => new EndToEndFactAttribute().Skip is null;

    private static ICoreV1Operations Core => RealCluster.Client.CoreV1;

    private static IAppsV1Operations Apps => RealCluster.Client.AppsV1;

    public async Task InitializeAsync()
    {
        if (!IsWanted)
        {
            return; // Every test is skipped.
        }

        await Core.CreateNamespaceAsync(new V1Namespace { Metadata = new V1ObjectMeta { Name = Name } });
        await MakeDeploymentAsync(Patient, replicas: 2, drain: "5s");
        await MakeDeploymentAsync(Hasty, replicas: 2, drain: "0s");
        await MakeDeploymentAsync(Single, replicas: 1, drain: "0s");
        await MakeStatefulSetAsync(Stateful, drain: "0s");
        var led = new V1ServiceSpec { Ports = [new V1ServicePort { Name = "http", Port = 80, TargetPort = 8080 }] };
        await Core.CreateNamespacedServiceAsync(new V1Service { Metadata = new V1ObjectMeta { Name = Failover }, Spec = led }, Name);
        foreach (string deployment in (string[])[Patient, Hasty, Single])
        {
            await RolledOutAsync(deployment);
        }

        await RealCluster.UntilAsync(
            $"the stateful set {Stateful} is rolled out",
            async () => await Apps.ReadNamespacedStatefulSetAsync(Stateful, Name) is { Status: { } status, Metadata.Generation: var generation }
                && status.ObservedGeneration >= generation && status.ReadyReplicas == 1);
    }

    public async Task DisposeAsync()
    {
        if (IsWanted)
        {
            await Core.DeleteNamespaceAsync(Name);
        }
    }

    /// <summary>Replaces the pods of a deployment as <c>kubectl rollout restart</c> does, and waits until that is done.</summary>
    public async Task RestartAsync(string deployment)
    {
        var annotations = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["kubectl.kubernetes.io/restartedAt"] = DateTime.UtcNow.ToString("O", CultureInfo.InvariantCulture),
        };
        var change = new { spec = new { template = new { metadata = new { annotations } } } };
        await Apps.PatchNamespacedDeploymentAsync(new V1Patch(change, V1Patch.PatchType.MergePatch), deployment, Name);
        await RolledOutAsync(deployment);
    }

    /// <summary>Deletes the pods of a workload, and waits for nothing.</summary>
    public Task DeletePodsAsync(string workload) => Core.DeleteCollectionNamespacedPodAsync(Name, labelSelector: $"app={workload}");

    /// <summary>Deletes a pod, and waits until it is gone; there may be another one of its name by then.</summary>
    public async Task DeletePodAsync(string pod)
    {
        V1Pod deleted = await Core.DeleteNamespacedPodAsync(pod, Name);
        await RealCluster.UntilAsync(
            $"the pod {pod} is gone",
            async () => (await Core.ListNamespacedPodAsync(Name, fieldSelector: $"metadata.name={pod}")).Items.All(found => found.Uid() != deleted.Uid()));
    }

    /// <summary>Two pods that the service <see cref="Failover"/> can lead to.</summary>
    public async Task<IReadOnlyList<string>> FailoverPodsAsync()
    {
        V1PodList all = await Core.ListNamespacedPodAsync(Name, labelSelector: $"app={Patient}");
        string[] pods = [.. all.Items.Where(pod => pod.Metadata.DeletionTimestamp is null).Select(pod => pod.Name()).Take(2)];
        return pods is [_, _] ? pods : throw new InvalidOperationException($"A failover needs two pods app={Patient}, and there are {pods.Length} in namespace {Name}.");
    }

    /// <summary>Makes the service <see cref="Failover"/> lead to a pod, as a database's operator does.</summary>
    public async Task MoveFailoverAsync(string pod)
    {
        V1Pod target = await Core.ReadNamespacedPodAsync(pod, Name);
        var slice = new V1EndpointSlice
        {
            Metadata = new V1ObjectMeta { Name = Failover, Labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["kubernetes.io/service-name"] = Failover } },
            AddressType = "IPv4",
            Ports = [new Discoveryv1EndpointPort { Name = "http", Port = 8080, Protocol = "TCP" }],
            Endpoints =
            [
                new V1Endpoint
                {
                    Addresses = [target.Status.PodIP],
                    Conditions = new V1EndpointConditions { Ready = true },
                    TargetRef = new V1ObjectReference { Kind = "Pod", Name = pod, NamespaceProperty = Name },
                },
            ],
        };
        IDiscoveryV1Operations slices = RealCluster.Client.DiscoveryV1;
        bool isThere = (await slices.ListNamespacedEndpointSliceAsync(Name, fieldSelector: $"metadata.name={Failover}")).Items.Count > 0;
        await (isThere ? slices.ReplaceNamespacedEndpointSliceAsync(slice, Failover, Name) : slices.CreateNamespacedEndpointSliceAsync(slice, Name));
    }

    /// <summary>Waits until every pod is ready.</summary>
    public Task ReadyAsync() => RealCluster.UntilAsync("all pods are ready", async () =>
        (await Core.ListNamespacedPodAsync(Name)).Items.All(pod => pod.Status.Conditions?.Any(condition => condition is { Type: "Ready", Status: "True" }) == true));

    /// <summary>What <c>kubectl rollout status</c> waits for.</summary>
    private Task RolledOutAsync(string deployment) => RealCluster.UntilAsync(
        $"the deployment {deployment} is rolled out",
        async () => await Apps.ReadNamespacedDeploymentAsync(deployment, Name) is { Status: { } status, Spec.Replicas: var wanted, Metadata.Generation: var generation }
            && status.ObservedGeneration >= generation && status.UpdatedReplicas == wanted && status.Replicas == wanted && status.AvailableReplicas == wanted);

    private async Task MakeDeploymentAsync(string name, int replicas, string drain)
    {
        var spec = new V1DeploymentSpec { Replicas = replicas, Selector = Selector(name), Template = Template(name, drain) };
        await Apps.CreateNamespacedDeploymentAsync(new V1Deployment { Metadata = new V1ObjectMeta { Name = name }, Spec = spec }, Name);
        await MakeServiceAsync(name);
    }

    private async Task MakeStatefulSetAsync(string name, string drain)
    {
        var spec = new V1StatefulSetSpec { Replicas = 1, ServiceName = name, Selector = Selector(name), Template = Template(name, drain) };
        await Apps.CreateNamespacedStatefulSetAsync(new V1StatefulSet { Metadata = new V1ObjectMeta { Name = name }, Spec = spec }, Name);
        await MakeServiceAsync(name);
    }

    private async Task MakeServiceAsync(string name)
    {
        var spec = new V1ServiceSpec { Selector = Labels(name), Ports = [new V1ServicePort { Name = "http", Port = 80, TargetPort = "web" }] };
        await Core.CreateNamespacedServiceAsync(new V1Service { Metadata = new V1ObjectMeta { Name = name }, Spec = spec }, Name);
    }

    private static V1PodTemplateSpec Template(string name, string drain) => new()
    {
        Metadata = new V1ObjectMeta { Labels = Labels(name) },
        Spec = new V1PodSpec
        {
            AutomountServiceAccountToken = false,
            TerminationGracePeriodSeconds = 10,
            Containers =
            [
                new V1Container
                {
                    Name = "server",
                    Image = Environment.GetEnvironmentVariable("PF_E2E_IMAGE"),
                    ImagePullPolicy = "IfNotPresent",
                    Args = (Environment.GetEnvironmentVariable("PF_E2E_ARGS") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries),
                    Env = [new V1EnvVar { Name = "DRAIN", Value = drain }],
                    Ports = [new V1ContainerPort { Name = "web", ContainerPort = 8080 }],
                    ReadinessProbe = new V1Probe { HttpGet = new V1HTTPGetAction { Path = "/", Port = 8080 }, PeriodSeconds = 1 },
                },
            ],
        },
    };

    private static V1LabelSelector Selector(string name) => new() { MatchLabels = Labels(name) };

    private static Dictionary<string, string> Labels(string name) => new(StringComparer.Ordinal) { ["app"] = name };
}
