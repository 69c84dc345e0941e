using PortForward.Cli.Tests.Support;
using PortForward.Testing;
using PortForward.Testing.PortForwarding;

namespace PortForward.Cli.Tests;

/// <summary>What the user says of the transports, and is told of them.</summary>
public sealed class TransportTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private TestCluster _cluster = null!;
    private string _kubeconfig = "";

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _cluster.Pods.Add(TestPod.Probe("solo"));
        _kubeconfig = _cluster.WriteKubeconfig(_folder["kubeconfig"]);
    }

    public async Task DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("websocket", TunnelKind.WebSocketTunnel)]
    [InlineData("spdy", TunnelKind.Spdy)]
    [InlineData("channel", TunnelKind.Channels)]
    [InlineData("auto", TunnelKind.WebSocketTunnel)]
    public async Task The_transport_that_is_asked_for_carries_the_connections(string transport, TunnelKind expected)
    {
        await using PfProcess pf = PfProcess.Start(_kubeconfig, "--verbose", "--transport", transport, "pod/solo", $":{ClusterFixture.Echo}");
        using Client client = await EchoAsync(pf);

        _cluster.Tunnels.Open.Should().NotBeEmpty().And.OnlyContain(tunnel => tunnel.Kind == expected);
        (await pf.ErrorLineAsync(line => line.StartsWith("ready: ", StringComparison.Ordinal))).Should().Contain($" over {(transport == "auto" ? "websocket" : transport)}, ");
        pf.Error.Should().NotContain(line => line.StartsWith("transport ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_transport_that_is_asked_for_is_replaced_by_no_other()
    {
        _cluster.Transports.Spdy = TransportAnswer.Refuse(403, "no SPDY here");

        await using PfProcess pf = await PfProcess.RunAsync(_kubeconfig, "--transport", "spdy", "pod/solo", ":80");

        (await pf.ExitAsync()).Should().Be(1);
        pf.Output.Should().BeEmpty();
        pf.Error.Should().Equal("Error from server (Forbidden): no SPDY here (only spdy was tried; --transport auto tries the others too)");
        _cluster.Requests.Where(request => request.IsPortForward).Should().ContainSingle().Which.Method.Should().Be("POST");
    }

    [Fact]
    public async Task What_every_transport_would_be_told_is_no_reason_to_try_the_others()
    {
        await using PfProcess pf = await PfProcess.RunAsync(_kubeconfig, "--transport", "spdy", "pod/nobody", ":80");

        (await pf.ExitAsync()).Should().Be(1);
        pf.Error.Should().Equal("Error from server (NotFound): pods \"nobody\" not found");
    }

    [Fact]
    public async Task Attempts_that_fail_before_one_works_are_told_to_those_who_want_to_know()
    {
        _cluster.Transports.WebSocketTunnel = TransportAnswer.Refuse(426, "<html><body>Upgrade\u001b[2J required</body></html>");
        _cluster.Transports.Spdy = TransportAnswer.CloseAfterUpgrade;

        await using PfProcess pf = PfProcess.Start(_kubeconfig, "--verbose", "pod/solo", $":{ClusterFixture.Echo}");
        using Client client = await EchoAsync(pf);
        await pf.ErrorLineAsync(line => line.StartsWith("transport spdy ", StringComparison.Ordinal));

        pf.Error.Where(line => line.StartsWith("transport ", StringComparison.Ordinal)).Should().Equal(
            "transport websocket does not work here: 426 the server responded with the status code 426 Upgrade Required: Upgrade [2J required",
            "transport spdy does not work here: the server switched protocols and then ended the connection");
        _cluster.Tunnels.Open.Should().Contain(tunnel => tunnel.Kind == TunnelKind.Channels);
    }

    [Fact]
    public async Task Nobody_else_hears_of_them()
    {
        _cluster.Transports.WebSocketTunnel = TransportAnswer.Refuse(426, "Upgrade Required");
        _cluster.Transports.Spdy = TransportAnswer.CloseAfterUpgrade;

        await using PfProcess pf = PfProcess.Start(_kubeconfig, "pod/solo", $":{ClusterFixture.Echo}");
        using Client client = await EchoAsync(pf);

        pf.Error.Should().BeEmpty();
    }

    [Fact]
    public async Task When_none_works_the_first_reason_is_told_in_one_line()
    {
        _cluster.Transports.WebSocketTunnel = TransportAnswer.WrongAccept;
        _cluster.Transports.Spdy = TransportAnswer.Refuse(405, "");
        _cluster.Transports.Channels = TransportAnswer.Refuse(502, "<html><body>no upstream</body></html>");

        await using PfProcess pf = await PfProcess.RunAsync(_kubeconfig, "pod/solo", ":80");

        (await pf.ExitAsync()).Should().Be(1);
        pf.Output.Should().BeEmpty();
        pf.Error.Should().Equal(
            "error: error upgrading connection: no transport works: "
            + "websocket: the server switched protocols with a wrong Sec-WebSocket-Accept: something between here and the API server does not speak WebSocket "
            + "(--verbose tells what the other transports met with)");
    }

    [Fact]
    public async Task Server_errors_of_all_are_told_likewise()
    {
        _cluster.Transports.WebSocketTunnel = TransportAnswer.Refuse(502, "one");
        _cluster.Transports.Spdy = TransportAnswer.Refuse(500, "two");
        _cluster.Transports.Channels = TransportAnswer.Refuse(503, "three");

        await using PfProcess pf = await PfProcess.RunAsync(_kubeconfig, "pod/solo", ":80");

        (await pf.ExitAsync()).Should().Be(1);
        pf.Error.Should().ContainSingle().Which.Should().Match("error: error upgrading connection: no transport works: websocket: 502 *one* (--verbose tells what the other transports met with)");
    }

    [Fact]
    public async Task Refusals_in_the_same_words_are_told_once()
    {
        TransportAnswer refusal = TransportAnswer.Refuse(403, "the gateway does not like this");
        (_cluster.Transports.WebSocketTunnel, _cluster.Transports.Spdy, _cluster.Transports.Channels) = (refusal, refusal, refusal);

        await using PfProcess pf = await PfProcess.RunAsync(_kubeconfig, "pod/solo", ":80");

        (await pf.ExitAsync()).Should().Be(1);
        pf.Error.Should().Equal("Error from server (Forbidden): the gateway does not like this");
    }

    private static async Task<Client> EchoAsync(PfProcess pf)
    {
        Client client = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.Echo));
        await client.SendAsync("hello");
        (await client.ReceiveAsync(5)).Should().Be("hello");
        return client;
    }
}
