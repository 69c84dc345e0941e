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

    public string Name { get; } = $"pf-e2e-{Guid.NewGuid():n}"[..16];

    private static bool IsWanted => new EndToEndFactAttribute().Skip is null;

    public async Task InitializeAsync()
    {
        if (!IsWanted)
        {
            return; // Every test is skipped.
        }

        await Kubectl.RunAsync("create", "namespace", Name);
        await Kubectl.ApplyAsync(Name, Workload("Deployment", Patient, replicas: 2, drain: "5s"));
        await Kubectl.ApplyAsync(Name, Workload("Deployment", Hasty, replicas: 2, drain: "0s"));
        await Kubectl.ApplyAsync(Name, Workload("Deployment", Single, replicas: 1, drain: "0s"));
        await Kubectl.ApplyAsync(Name, Workload("StatefulSet", Stateful, replicas: 1, drain: "0s"));
        foreach (string workload in (string[])[$"deploy/{Patient}", $"deploy/{Hasty}", $"deploy/{Single}", $"sts/{Stateful}"])
        {
            await Kubectl.RunAsync("rollout", "status", workload, "-n", Name, "--timeout=100s");
        }
    }

    public async Task DisposeAsync()
    {
        if (IsWanted)
        {
            await Kubectl.RunAsync("delete", "namespace", Name, "--wait=false");
        }
    }

    private static string Workload(string kind, string name, int replicas, string drain)
    {
        string[] arguments = (Environment.GetEnvironmentVariable("PF_E2E_ARGS") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string argumentList = string.Join(", ", arguments.Select(argument => $"\"{argument}\""));
        return $"""
            apiVersion: apps/v1
            kind: {kind}
            metadata:
              name: {name}
            spec:
              replicas: {replicas}
              {(kind == "StatefulSet" ? $"serviceName: {name}" : "")}
              selector:
                matchLabels:
                  app: {name}
              template:
                metadata:
                  labels:
                    app: {name}
                spec:
                  automountServiceAccountToken: false
                  terminationGracePeriodSeconds: 10
                  containers:
                  - name: server
                    image: "{Environment.GetEnvironmentVariable("PF_E2E_IMAGE")}"
                    imagePullPolicy: IfNotPresent
                    args: [{argumentList}]
                    env:
                    - name: DRAIN
                      value: {drain}
                    ports:
                    - name: web
                      containerPort: 8080
                    readinessProbe:
                      httpGet:
                        path: /
                        port: 8080
                      periodSeconds: 1
            ---
            apiVersion: v1
            kind: Service
            metadata:
              name: {name}
            spec:
              selector:
                app: {name}
              ports:
              - name: http
                port: 80
                targetPort: web
            """;
    }
}
