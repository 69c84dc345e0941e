using System.Security.Cryptography;

namespace PortForward.Testing.Demo;

/// <summary>The objects that the program starts with: a bare pod, a deployment with its services, a stateful set and the demo's pod.</summary>
internal static class DemoObjects
{
    private const string ReplicaSetName = "web-7d4b9c6f58";
    private const string SuffixCharacters = "bcdfghjklmnpqrstvwxz2456789";

    public static void AddTo(TestCluster cluster)
    {
        cluster.Pods.Add(TestPod.Probe("solo").Label("app", "solo"));
        cluster.Pods.Add(PageServer("web").Label("app", "demo"));

        cluster.Add(TestObjects.Deployment("web", "app=web"));
        cluster.Add(TestObjects.ReplicaSet(ReplicaSetName, "app=web", ownedBy: "web"));
        cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(80, "http", "web"), new ServicePort(7, "echo", "7000")));
        cluster.Add(TestObjects.Service("headless", "app=web", "None", [new ServicePort(8080, "http", "web")]));
        cluster.Pods.Add(WebPod());
        cluster.Pods.Add(WebPod());

        cluster.Add(TestObjects.StatefulSet("db", "app=db"));
        cluster.Pods.Add(DatabasePod());

        cluster.Pods.AfterDeletion(pod => Replace(cluster, pod));
    }

    /// <summary>What a controller does: a deleted pod of a workload gets a successor.</summary>
    private static void Replace(TestCluster cluster, TestPod pod)
    {
        if (pod.Name.StartsWith(ReplicaSetName, StringComparison.Ordinal))
            cluster.Pods.Add(WebPod());
        else if (pod.Name == "db-0")
            cluster.Pods.Add(DatabasePod());
    }

    private static TestPod WebPod() =>
        PageServer($"{ReplicaSetName}-{RandomNumberGenerator.GetString(SuffixCharacters, 5)}").Label("app", "web").OwnedBy("apps/v1", "ReplicaSet", ReplicaSetName);

    private static TestPod DatabasePod() => TestPod.Probe("db-0").Label("app", "db").OwnedBy("apps/v1", "StatefulSet", "db");

    private static TestPod PageServer(string name) => TestPod.Probe(name).Serves(8080, DemoPage.For(name));
}
