using PortForward.Testing;
using PortForward.Testing.Applications;

namespace PortForward.Cli.Tests.Support;

/// <summary>One embedded cluster for the tests of a class, with the pod "solo" and a service and a deployment "web".</summary>
public sealed class ClusterFixture : IAsyncLifetime
{
    public const int Echo = 7000, Source = 7001, NeverReads = 7003, SpeaksFirst = 7004, Resets = 7005, Http = 8080, SlowAnswer = 7006, Refused = 9999;

    private readonly TemporaryFolder _folder = new();

    public TestCluster Cluster { get; private set; } = null!;

    public string Kubeconfig { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Cluster = await TestCluster.StartAsync();
        Cluster.Pods.Add(TestPod.Probe("solo").Serves(SlowAnswer, TestApplications.AnswersAfterFirstByte("late but whole", TimeSpan.FromSeconds(2))));
        Cluster.Pods.Add(TestPod.Probe("web-1").Label("app", "web"));
        Cluster.Pods.Add(TestPod.Probe("done").Phase("Succeeded"));
        Cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(80, "http", "web")));
        Cluster.Add(TestObjects.Deployment("web", "app=web"));
        Kubeconfig = Cluster.WriteKubeconfig(PathOf("kubeconfig"));
    }

    public string PathOf(string name) => _folder[name];

    public async Task DisposeAsync()
    {
        _folder.Dispose();
        await Cluster.DisposeAsync();
    }
}
