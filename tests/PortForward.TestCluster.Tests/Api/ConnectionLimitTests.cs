using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using PortForward.Testing.Tests.PortForwarding;

namespace PortForward.Testing.Tests.Api;

/// <summary>When the API server closes connections that nothing uses.</summary>
public sealed class ConnectionLimitTests : IAsyncLifetime
{
    private static readonly TimeSpan Unused = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Instant = TimeSpan.FromMilliseconds(1);

    private readonly FakeTimeProvider _time = new();
    private TestCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await StartAsync(plainHttp: false);

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public void The_limits_are_those_of_the_API_server_where_none_are_chosen()
    {
        var options = new TestClusterOptions();

        (options.UnusedConnectionLimit, options.IdleConnectionLimit).Should().Be((TimeSpan.FromSeconds(32), TimeSpan.FromSeconds(90)));
    }

    [Fact]
    public async Task A_connection_on_which_no_request_was_sent_is_closed()
    {
        using var client = await ConnectAsync();

        _time.Advance(Unused);

        await client.WhenClosedAsync().Soon();
    }

    /// <summary>The web server looks at its own limits once a second, by the system's clock, which a test cannot turn.</summary>
    [Fact]
    public async Task Before_that_the_web_servers_own_limits_close_none()
    {
        using var client = await ConnectAsync();
        var closed = client.WhenClosedAsync();

        (await Task.WhenAny(closed, Task.Delay(TimeSpan.FromSeconds(2.5)))).Should().NotBe(closed);
    }

    [Fact]
    public async Task A_connection_without_a_TLS_handshake_is_closed()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(_cluster.Server.Host, _cluster.Server.Port).Soon();
        await _cluster.Activity.WaitUntilAsync(now => now.ApiConnections == 1);

        _time.Advance(Unused);

        (await client.GetStream().ReadAsync(new byte[1]).Soon()).Should().Be(0);
    }

    [Fact]
    public async Task A_connection_is_served_until_its_limit()
    {
        using var client = await ConnectAsync();

        _time.Advance(Unused - Instant);
        (await client.AskAsync()).Should().Be(200);
        _time.Advance(Idle - Instant);
        (await client.AskAsync()).Should().Be(200);
    }

    [Fact]
    public async Task A_connection_that_has_served_is_closed_after_the_longer_limit()
    {
        using var client = await ConnectAsync();
        (await client.AskAsync()).Should().Be(200);

        await _time.AdvanceUntilAsync(client.WhenClosedAsync(), step: Idle);
    }

    [Fact]
    public async Task An_HTTP_2_connection_that_has_served_is_closed_too()
    {
        using var client = ApiClient.To(_cluster);
        using var answer = await client.SendAsync(HttpMethod.Get, "/healthz", HttpVersion.Version20);
        answer.StatusCode.Should().Be(HttpStatusCode.OK);

        await _time.AdvanceUntilAsync(_cluster.Activity.WaitUntilAsync(now => now.ApiConnections == 0), step: Idle);
    }

    [Fact]
    public async Task The_server_says_goodbye_in_TLS()
    {
        using var client = await ConnectAsync();
        (await client.AskAsync()).Should().Be(200);

        await _time.AdvanceUntilAsync(() => client.Socket.Poll(0, SelectMode.SelectRead), step: Idle);

        client.Socket.Available.Should().BePositive("an alert comes before the end");
    }

    [Fact]
    public async Task A_request_that_is_being_answered_has_no_limit()
    {
        using var client = ApiClient.To(_cluster);
        using var watch = await client.WatchAsync("/api/v1/namespaces/default/pods?watch=1");

        _time.Advance(Idle * 10);
        _cluster.Pods.Add(TestPod.Probe("solo"));

        (await watch.NextAsync()).Should().Be("ADDED solo");
    }

    [Fact]
    public async Task An_upgraded_connection_has_no_limit()
    {
        await using var cluster = await StartAsync(plainHttp: true);
        cluster.Pods.Add(TestPod.Probe("solo"));
        using var upgrade = await UpgradeClient.SpdyAsync(cluster, "solo");
        await cluster.Activity.WaitUntilAsync(now => now.Tunnels == 1);

        _time.Advance(Idle * 10);

        var client = new SpdyClient(upgrade.Stream);
        await client.SendAsync(SpdyClient.Ping(1));
        (await client.ReadAsync())!.Type.Should().Be("ping");
    }

    private Task<TestCluster> StartAsync(bool plainHttp) => TestCluster.StartAsync(new TestClusterOptions
    {
        PlainHttp = plainHttp,
        TimeProvider = _time,
        UnusedConnectionLimit = Unused,
        IdleConnectionLimit = Idle,
    });

    private async Task<TlsClient> ConnectAsync()
    {
        var client = await TlsClient.ConnectAsync(_cluster);
        await _cluster.Activity.WaitUntilAsync(_ => _cluster.Activity.TlsHandshakes == 1);
        return client;
    }
}
