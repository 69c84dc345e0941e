using PortForward.Testing;
using PortForward.Testing.Applications;

namespace PortForward.Cli.Tests.DropIn;

/// <summary>One embedded cluster for the cases of a class, with targets of every kind; whatever serves, echoes.</summary>
public sealed class DropInCluster : IAsyncLifetime
{
    /// <summary>A path under which the whole API is served too.</summary>
    public const string PathPrefix = "/clusters/one";

    private static readonly DateTimeOffset Day = DateTimeOffset.UtcNow.AddDays(-1);

    private readonly TemporaryFolder _folder = new();
    private TestCluster _cluster = null!;
    private int _cases;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(new TestClusterOptions { PathPrefix = PathPrefix });
        AddPods();
        AddServices();
        AddWorkloads();
    }

    /// <summary>Compares the programs in one case.</summary>
    internal Task CompareAsync(DropInCase one) =>
        Comparison.RunAsync(one, _cluster, Directory.CreateDirectory(_folder[$"{Interlocked.Increment(ref _cases)}"]).FullName);

    public async Task DisposeAsync()
    {
        _folder.Dispose();
        await _cluster.DisposeAsync();
    }

    /// <summary>
    /// A pod that echoes on 7000 (port "echo"), 8080 ("web"), 5354 (TCP and UDP) and 9000 (an init container's port "side"),
    /// and on 5353 ("dns") and 9 ("sctp"), which it declares for other protocols.
    /// </summary>
    private static TestPod Pod(string name) => TestPod.Named(name)
        .Port("echo", 7000).Port("web", 8080).Port("dns", 5353, "UDP").Port("both-udp", 5354, "UDP").Port("both", 5354).Port("sctp", 9, "SCTP").InitPort("side", 9000)
        .Serves(7000, TestApplications.Echo).Serves(8080, TestApplications.Echo).Serves(5354, TestApplications.Echo)
        .Serves(9000, TestApplications.Echo).Serves(5353, TestApplications.Echo).Serves(9, TestApplications.Echo);

    private void AddPods()
    {
        _cluster.Pods.Add(Pod("solo"));
        _cluster.Pods.Add(Pod("web-1").Label("app", "web"));
        _cluster.Pods.Add(Pod("elsewhere").In("kube-system").Label("app", "web"));
        _cluster.Pods.Add(Pod("unready").Label("app", "unready").Ready(false));
        _cluster.Pods.Add(TestPod.Named("pending").Label("app", "pending").Phase("Pending"));
        _cluster.Pods.Add(TestPod.Named("unscheduled").Label("app", "unscheduled").Phase("Pending").OnNode(""));
        _cluster.Pods.Add(TestPod.Named("succeeded").Label("app", "over").Phase("Succeeded"));
        _cluster.Pods.Add(TestPod.Named("failed").Phase("Failed"));
        _cluster.Pods.Add(Pod("terminating").Terminating());

        // Which one kubectl takes: each set has a best pod for another reason, never the first by name.
        _cluster.Pods.Add(Pod("ages-a").Label("app", "ages").CreatedAt(Day.AddHours(1)));
        _cluster.Pods.Add(Pod("ages-b").Label("app", "ages").CreatedAt(Day));
        _cluster.Pods.Add(Pod("ages-c").Label("app", "ages").CreatedAt(Day.AddHours(2)));
        _cluster.Pods.Add(Pod("ready-a").Label("app", "ready").CreatedAt(Day).Ready(false));
        _cluster.Pods.Add(Pod("ready-b").Label("app", "ready").CreatedAt(Day.AddHours(1)));
        _cluster.Pods.Add(Pod("restarts-a").Label("app", "restarts").CreatedAt(Day).Restarts(7));
        _cluster.Pods.Add(Pod("restarts-b").Label("app", "restarts").CreatedAt(Day).Restarts(1));
        _cluster.Pods.Add(Pod("since-a").Label("app", "since").CreatedAt(Day).Ready(true, Day.AddHours(5)));
        _cluster.Pods.Add(Pod("since-b").Label("app", "since").CreatedAt(Day.AddHours(1)).Ready(true, Day.AddHours(2)));
        _cluster.Pods.Add(Pod("leaving-a").Label("app", "leaving").CreatedAt(Day).Terminating());
        _cluster.Pods.Add(Pod("leaving-b").Label("app", "leaving").CreatedAt(Day.AddHours(1)));
        _cluster.Pods.Add(TestPod.Named("mixed-a").Label("app", "mixed").CreatedAt(Day).Phase("Pending"));
        _cluster.Pods.Add(Pod("mixed-b").Label("app", "mixed").CreatedAt(Day.AddHours(1)));
    }

    private void AddServices()
    {
        _cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(80, "http", "web"), new ServicePort(81, "plain", "7000"), new ServicePort(82, "strange", "nope")));
        _cluster.Add(TestObjects.Service("same", "app=web", new ServicePort(7000)));
        _cluster.Add(TestObjects.Service("headless", "app=web", "None", [new ServicePort(8080, "http", "7000")]));
        _cluster.Add(TestObjects.Service("dns", "app=web", new ServicePort(53, "dns", "5353", "UDP"), new ServicePort(80, "http", "web")));
        _cluster.Add(TestObjects.Service("dns-both", "app=web", new ServicePort(53, "dns-udp", "5354", "UDP"), new ServicePort(53, "dns-tcp", "5354")));
        _cluster.Add(TestObjects.Service(
            "several", "app=web", new ServicePort(53, "dns", "5353", "UDP"), new ServicePort(53, "dns-tcp", "7000"), new ServicePort(9, "signals", "7000", "SCTP")));
        _cluster.Add(TestObjects.Service("alone", selector: null, new ServicePort(80)));
        _cluster.Add(TestObjects.Service("sliced", selector: null, new ServicePort(80)));
        _cluster.Add(TestObjects.EndpointSlice("sliced-1", "sliced", [new ServicePort(80, null, "7000")], [TestEndpoint.Of(_cluster.Pods.Find("solo")!)]));
        _cluster.Add(TestObjects.Service("sliced-outside", selector: null, new ServicePort(80)));
        _cluster.Add(TestObjects.EndpointSlice("sliced-outside-1", "sliced-outside", [new ServicePort(80, null, "7000")], [new TestEndpoint("192.0.2.1")]));
        _cluster.Add(TestObjects.Service("nobody", "app=nobody", new ServicePort(80)));
        _cluster.Add(TestObjects.Service("unready", "app=unready", new ServicePort(80, "http", "web")));
        _cluster.Add(TestObjects.Service("web", "app=web", "10.96.0.11", [new ServicePort(80, "http", "web")], inNamespace: "kube-system"));
        foreach (string app in (string[])["ages", "ready", "restarts", "since", "leaving", "mixed"])
        {
            _cluster.Add(TestObjects.Service(app, $"app={app}", new ServicePort(80, "http", "web")));
        }
    }

    private void AddWorkloads()
    {
        _cluster.Add(TestObjects.Deployment("web", "app=web"));
        _cluster.Add(TestObjects.ReplicaSet("web-abc", "app=web", ownedBy: "web"));
        _cluster.Add(TestObjects.StatefulSet("web", "app=web"));
        _cluster.Add(TestObjects.DaemonSet("web", "app=web"));
        _cluster.Add(TestObjects.Job("web", "app=web"));
        _cluster.Add(TestObjects.ReplicationController("web", "app=web"));
        foreach (string app in (string[])["nobody", "pending", "unready", "over"])
        {
            _cluster.Add(TestObjects.Deployment(app, $"app={app}"));
        }
    }
}
