using System.Text.Json;
using PortForward.Cli.Tests.Support;
using PortForward.Testing;

namespace PortForward.Cli.Tests;

/// <summary>The pods of a label selector: <c>pf -l SELECTOR PORT...</c>.</summary>
public sealed class SelectorTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>
{
    [Fact]
    public async Task A_lost_pod_is_replaced_by_another_that_matches()
    {
        TestPod first = fixture.Cluster.Pods.Add(TestPod.Probe("one").Label("app", "many").In("apart"));
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "-n", "apart", "-l", "app in (many, few),!canary", ":echo", ":web");
        int echo = await pf.LocalPortAsync(ClusterFixture.Echo);
        await EchoAsync(echo, "hello");

        fixture.Cluster.Pods.Add(TestPod.Probe("canary").Label("app", "many").Label("canary", "true").In("apart"));
        fixture.Cluster.Pods.Add(TestPod.Probe("two").Label("app", "few").In("apart"));
        first.Delete();
        await EchoAsync(echo, "again");

        // Which of the two ways it takes depends on what is known first: that the pod has gone, or that there is another one.
        string line = await pf.ErrorLineAsync(line => line.Contains("pod two", StringComparison.Ordinal));
        line.Should().Match(line => line.StartsWith("pod one was deleted", StringComparison.Ordinal) || line.StartsWith("back: ", StringComparison.Ordinal));
        using var http = new HttpClient();
        (await http.GetStringAsync(new Uri($"http://127.0.0.1:{await pf.LocalPortAsync(ClusterFixture.Http)}/"))).Should().Contain("two");
    }

    [UnixFact]
    public async Task A_command_finds_it_under_the_name_selector()
    {
        await using PfProcess pf = PfProcess.Start(
            fixture.Kubeconfig, "--selector=app=web", ":web", "--", "sh", "-c", "echo $PF_SELECTOR_ADDR $PF_SELECTOR_WEB_PORT {{selector.host}} | sed 's/[0-9]\\{4,5\\}/N/g'");

        (await pf.ExitAsync()).Should().Be(0);
        pf.Error.Should().BeEmpty();
        pf.Output.Should().Equal("127.0.0.1:N N 127.0.0.1");
    }

    [UnixFact]
    public async Task It_is_told_as_json_and_in_a_ports_file()
    {
        string file = fixture.PathOf("selector.json");
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "-l", "app=web", "-o", "json", "--ports-file", file, ":web");
        await pf.OutputLineAsync(line => line.Contains("\"all-ready\"", StringComparison.Ordinal));
        await Waiting.UntilAsync(() => File.Exists(file));

        using JsonDocument ready = JsonDocument.Parse(pf.Output.First(line => line.Contains("\"ready\"", StringComparison.Ordinal)));
        (Text(ready.RootElement, "forward"), Text(ready.RootElement, "target"), Text(ready.RootElement, "pod")).Should().Be(("selector", "selector/app=web", "web-1"));
        using JsonDocument ports = JsonDocument.Parse(await File.ReadAllTextAsync(file));
        JsonElement forward = ports.RootElement.GetProperty("forwards").GetProperty("selector");
        (Text(forward, "target"), Text(forward.GetProperty("ports")[0], "name")).Should().Be(("selector/app=web", "web"));
        pf.Error.Should().BeEmpty();
    }

    [Fact]
    public async Task It_balances()
    {
        fixture.Cluster.Pods.Add(TestPod.Probe("left").Label("side", "left"));
        fixture.Cluster.Pods.Add(TestPod.Probe("right").Label("side", "right"));

        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "--verbose", "--balance", "-l", "side", $":{ClusterFixture.Echo}");

        await pf.ErrorLineAsync(line => line == "connections are spread over 2 pods: left, right");
    }

    [Fact]
    public async Task What_matches_nothing_yet_is_waited_for()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "-l", "app=late", $":{ClusterFixture.Echo}");
        await pf.ErrorLineAsync(line => line == "waiting for a pod of selector/app=late (no pod of namespace default matches it)");

        fixture.Cluster.Pods.Add(TestPod.Probe("late").Label("app", "late"));

        await EchoAsync(await pf.LocalPortAsync(ClusterFixture.Echo), "hello");
    }

    [Theory]
    [InlineData("-l", "app in web", ":80")]
    [InlineData("-l", "app=web", "pod/solo", ":80")]
    [InlineData("-l", " ", ":80")]
    public async Task What_is_malformed_is_refused_before_anything_is_sent(params string[] arguments)
    {
        int before = fixture.Cluster.Requests.Count;

        await using PfProcess pf = await PfProcess.RunAsync(fixture.Kubeconfig, arguments);

        (await pf.ExitAsync()).Should().Be(1);
        pf.Error.Should().ContainSingle().Which.Should().EndWith(" (see pf --help)");
        fixture.Cluster.Requests.Should().HaveCount(before);
    }

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();

    private static async Task EchoAsync(int port, string text)
    {
        using Client client = await Client.ConnectAsync(port);
        await client.SendAsync(text);
        (await client.ReceiveAsync(text.Length)).Should().Be(text);
    }
}
