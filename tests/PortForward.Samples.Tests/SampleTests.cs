using System.Diagnostics;
using System.Xml.Linq;
using PortForward.Testing;
using PortForward.Testing.Applications;

namespace PortForward.Samples.Tests;

/// <summary>The samples do what they say. They were built from the packages, and run as programs of their own.</summary>
[Collection(PackedSamplesCollection.Name)]
public sealed class SampleTests(PackedSamples packed) : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly ApplicationHandler _redis = TestApplications.KeyValue();
    private TestCluster _cluster = null!;
    private TestPod _firstPod = null!;

    private string Kubeconfig => _folder["kubeconfig"];

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _cluster.Add(TestObjects.Service("redis", "app=redis", new ServicePort(6379, "redis", "redis")));
        _cluster.Add(TestObjects.Service("web", "app=web", "10.96.0.11", [new ServicePort(80, "http", "web")]));
        _cluster.Pods.Add(TestPod.Probe("web-1").Label("app", "web"));
        _firstPod = AddRedis("redis-1");
        _cluster.WriteKubeconfig(Kubeconfig);
    }

    public async Task DisposeAsync()
    {
        await _cluster.Activity.WaitUntilAsync(now => now is { Tunnels: 0, Watches: 0, Connections: 0 });
        await _cluster.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_tests_of_a_class_share_one_forward_to_the_database()
    {
        string output = await DotNet.RunAsync(packed.Samples, Kubeconfig, "test", packed.ProgramOf("DatabaseTests"));

        output.Should().MatchRegex("Passed! +- Failed: +0, Passed: +2, Skipped: +0");
        _cluster.Activity.ConnectionsOpened.Should().Be(3, "the tests ask three times");
    }

    [Fact]
    public async Task The_worker_dials_again_and_again_whatever_pod_there_is_until_it_is_interrupted()
    {
        await using PfProcess worker = PfProcess.Start(DotNet.Command(packed.Samples, Kubeconfig, packed.ProgramOf("Worker")));
        await worker.OutputLineAsync(line => line == "answer :1");

        AddRedis("redis-2");
        _firstPod.Delete();

        await worker.OutputLineAsync(line => line == "answer :3");
        worker.Error.Should().BeEmpty();
        if (!OperatingSystem.IsWindows())
        {
            worker.Signal(PfProcess.Interrupt);
            (await worker.ExitAsync()).Should().Be(0);
            worker.Output[^1].Should().Be("stopped");
        }
    }

    [Fact]
    public async Task The_bridge_leads_to_what_the_official_client_has_found_whatever_proxy_is_around_it()
    {
        ProcessStartInfo command = DotNet.Command(packed.Samples, Kubeconfig, packed.ProgramOf("Bridge"));
        command.Environment["HTTP_PROXY"] = "http://127.0.0.1:1"; // Nobody listens there.
        await using PfProcess bridge = PfProcess.Start(command);

        (await bridge.ExitAsync()).Should().Be(0, string.Join('\n', bridge.Error));
        bridge.Output.Should().Equal("web: 200");
    }

    [Fact]
    public void A_sample_is_short()
    {
        foreach (string file in SourceTree.Files("samples"))
        {
            File.ReadLines(file).Count().Should().BeLessThan(40, file);
        }
    }

    [Fact]
    public void A_sample_needs_no_other_versions_than_the_tests_here_and_so_nothing_that_was_not_restored_for_these()
    {
        Dictionary<string, string> here = XDocument.Load(Path.Combine(SourceTree.Root, "Directory.Packages.props")).Descendants("PackageVersion")
            .ToDictionary(package => package.Attribute("Include")!.Value, package => package.Attribute("Version")!.Value, StringComparer.Ordinal);
        IEnumerable<XElement> needed = Directory.EnumerateFiles(packed.Samples, "*.csproj", SearchOption.AllDirectories)
            .SelectMany(file => XDocument.Load(file).Descendants("PackageReference"));

        foreach (XElement package in needed)
        {
            string name = package.Attribute("Include")!.Value;
            package.Attribute("Version")!.Value.Should().Be(PackedSamples.Packages.Contains(name, StringComparer.Ordinal) ? "$(PortForwardVersion)" : here[name], name);
        }
    }

    private TestPod AddRedis(string name) => _cluster.Pods.Add(TestPod.Named(name).Label("app", "redis").Port("redis", 6379).Serves(6379, _redis));
}
