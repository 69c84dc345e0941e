using PortForward.Cli.Tests.Support;
using PortForward.Testing;
using PortForward.Testing.Api;

namespace PortForward.Cli.Tests;

/// <summary>Servers that lie, flood, trickle and never come to an end, and what the program makes of them.</summary>
public sealed class HostileServerTests : IAsyncLifetime
{
    private const string Controls = "\\u001b]52;c;aGk=\\u0007 \\u202etxt.exe\\u2028lost: pod x \\u009b31m";

    private readonly TemporaryFolder _folder = new();
    private TestCluster _cluster = null!;
    private string _kubeconfig = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _cluster.Pods.Add(TestPod.Probe("solo"));
        _cluster.Pods.Add(TestPod.Probe("web-1").Label("app", "web"));
        _cluster.Add(TestObjects.Deployment("web", "app=web"));
        _kubeconfig = _cluster.WriteKubeconfig(_folder["kubeconfig"]);
    }

    public async Task DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _folder.Dispose();
    }

    public static TheoryData<string, RequestFault, string> Refusals => new()
    {
        { "controls", RequestFault.Json($$"""{"kind":"Status","status":"Failure","message":"no {{Controls}}","reason":"Forbidden","code":403}""", 403), "Error from server (Forbidden): no ]52;c;aGk= txt.exe lost: pod x 31m" },
        { "half a surrogate pair", RequestFault.Json("""{"kind":"Status","status":"Failure","message":"\ud800","reason":"Forbidden","code":403}""", 403), "Error from server (Forbidden): *" },
        { "a body that trickles", RequestFault.BeginsOnly(403, "not for "), "Error from server (Forbidden): not for*" },
        { "a redirect", RequestFault.Redirect(new Uri("http://127.0.0.1:1/")), "*302*" },
        { "an object without end", RequestFault.Endless("""{"metadata":{"name":"web","annotations":{"x":" """, new string('x', 1 << 16)), "error: the server at * answered with more than 16 MB; check that*" },
        { "no JSON", RequestFault.Json("{"), "error: the server at * answered with no valid JSON; check that*" },
        { "null", RequestFault.Json("null"), "error: the server at * answered with null; check that*" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task What_is_no_answer_ends_the_start_in_one_line(string name, RequestFault fault, string expected)
    {
        using IDisposable lasting = _cluster.Faults.Always(request => request.Path.EndsWith("/deployments/web", StringComparison.Ordinal), fault);

        await using PfProcess pf = await PfProcess.RunAsync(_kubeconfig, "deploy/web", ":8080");

        (await pf.ExitAsync()).Should().Be(1, name);
        pf.Output.Should().BeEmpty();
        pf.Error.Should().ContainSingle().Which.Should().Match(expected).And.NotContainAny("\u001b", "\u0007", "\u202e", "\u2028", "\u009b");
    }

    [Fact]
    public async Task Pages_that_never_end_are_refused()
    {
        int page = 0;
        using IDisposable lasting = _cluster.Faults.Always(
            request => request.Path.EndsWith("/pods", StringComparison.Ordinal) && Interlocked.Increment(ref page) > 0,
            RequestFault.Json("""{"metadata":{"continue":"again"},"items":[{"metadata":{"name":"web-1"}}]}"""));

        await using PfProcess pf = await PfProcess.RunAsync(_kubeconfig, "deploy/web", ":8080");

        pf.Error.Should().ContainSingle().Which.Should().Match("error: the server at * answered with a list that leads back to an earlier page; check that*");
        page.Should().Be(2);
    }

    [Theory]
    [InlineData("""{"type":"ADDED","object":{"metadata":{"name":"web-9","resourceVersion":"9","labels":{"app":"web"}},"status":{"phase":"Pending"}}}""" + "\n" + """{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}""" + "\n")]
    [InlineData("""{"type":"ADDED","object":{"metadata":{"name":"web-9","resourceVersion":"9","labels":{"app":"web"}},"status":{"phase":"Running","conditions":[null],"containerStatuses":[null]},"spec":{"containers":[null]}}}""" + "\n")]
    [InlineData("""{"type":"ADDED","object":null}""" + "\n")]
    [InlineData("")]
    public async Task A_watch_that_ends_at_once_is_no_storm_and_ends_no_forward(string watch)
    {
        using IDisposable lasting = _cluster.Faults.Always(request => request.Query.Contains("watch=true", StringComparison.Ordinal), RequestFault.Json(watch));
        await using PfProcess pf = PfProcess.Start(_kubeconfig, "deploy/web", $":{ClusterFixture.Echo}");
        int port = await pf.LocalPortAsync(ClusterFixture.Echo);

        await Waiting.UntilAsync(() => Watches() >= 3);

        (await EchoAsync(port)).Should().BeTrue();
        Watches().Should().BeInRange(3, 10, "each watch is begun later than the one before");
    }

    [Fact]
    public async Task A_far_date_in_Retry_After_is_no_storm_of_upgrades()
    {
        await using PfProcess pf = PfProcess.Start(_kubeconfig, "--max-tunnels", "1", "deploy/web", $":{ClusterFixture.Echo}");
        int port = await pf.LocalPortAsync(ClusterFixture.Echo);
        (await EchoAsync(port)).Should().BeTrue();
        using IDisposable lasting = _cluster.Faults.Always(request => request.IsPortForward, RequestFault.ComeBack(429, "Fri, 31 Dec 9999 23:59:59 GMT"));
        int before = Upgrades();
        _cluster.Tunnels.CutAll();

        await pf.ErrorLineAsync(line => line.StartsWith("lost: pod web-1 cannot be reached", StringComparison.Ordinal));

        (Upgrades() - before).Should().BeLessThan(10);
    }

    [Fact]
    public async Task A_refused_upgrade_whose_words_never_end_keeps_its_status_and_leads_to_the_next_transport()
    {
        using IDisposable lasting = _cluster.Faults.Always(request => request is { IsPortForward: true, Method: "GET" }, RequestFault.BeginsOnly(403, "not for "));

        await using PfProcess pf = PfProcess.Start(_kubeconfig, "pod/solo", $":{ClusterFixture.Echo}");

        (await EchoAsync(await pf.LocalPortAsync(ClusterFixture.Echo))).Should().BeTrue("SPDY's POST is served");
    }

    [Fact]
    public async Task What_a_pod_says_cannot_change_the_terminal()
    {
        TestPod evil = _cluster.Pods.Add(TestPod.Probe("evil"));
        await using PfProcess pf = PfProcess.Start(_kubeconfig, "pod/evil", $":{ClusterFixture.Echo}");
        int port = await pf.LocalPortAsync(ClusterFixture.Echo);
        evil.EndSandbox("boom \u001b]52;c;aGk=\u0007\u202e\nlost: pod x");
        using Client client = await Client.ConnectAsync(port);

        string line = await pf.ErrorLineAsync(line => line.StartsWith("connection 1 for ", StringComparison.Ordinal));

        line.Should().EndWith("lost: pod x").And.NotContainAny("\u001b", "\u0007", "\u202e");
    }

    private int Watches() => _cluster.Requests.Count(request => request.Query.Contains("watch=true", StringComparison.Ordinal));

    private int Upgrades() => _cluster.Requests.Count(request => request.IsPortForward);

    private static async Task<bool> EchoAsync(int port)
    {
        using Client client = await Client.ConnectAsync(port);
        await client.SendAsync("echo");
        return await client.ReceiveAsync(4) == "echo";
    }
}
