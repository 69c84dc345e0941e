using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using PortForward.Testing.Applications;
using PortForward.Testing.PortForwarding;

namespace PortForward.Testing.Tests.Kubectl;

/// <summary>The real client against the test cluster: what it accepts, a real server may well be.</summary>
public sealed class KubectlTests : IAsyncLifetime
{
    private TestCluster _cluster = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _cluster.Pods.Add(TestPod.Probe("solo").Label("app", "web"));
        _cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(80, "http", "web")));
        _cluster.Add(TestObjects.Deployment("web", "app=web"));
    }

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [KubectlTheory]
    [MemberData(nameof(KubectlCases.Transports), MemberType = typeof(KubectlCases))]
    public async Task Kubectl_forwards_an_echo_and_a_download_without_a_wrong_byte(string binary, bool webSockets)
    {
        await using var kubectl = KubectlProcess.Start(binary, _cluster, webSockets, "port-forward", "pod/solo", ":7000", ":7001");
        var echo = await kubectl.ReadLocalPortAsync(7000);
        var source = await kubectl.ReadLocalPortAsync(7001);

        (await ExchangeAsync(echo, "hello")).Should().Be("hello");
        var knowsWebSockets = KubectlBinaries.VersionOf(binary) >= new Version(1, 30);
        _cluster.Tunnels.Open.Should().ContainSingle().Which.Kind.Should().Be(webSockets && knowsWebSockets ? TunnelKind.WebSocketTunnel : TunnelKind.Spdy);
        const int Size = 3_000_000;
        using var tcp = await ConnectAsync(source);
        await tcp.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"{Size}\n"));
        using var received = new MemoryStream();
        await tcp.GetStream().CopyToAsync(received).Soon();

        var block = TestApplications.SourceBlock.ToArray();
        var expected = Enumerable.Repeat(block, (Size / block.Length) + 1).SelectMany(bytes => bytes).Take(Size).ToArray();
        received.Length.Should().Be(Size);
        SHA256.HashData(received.ToArray()).Should().Equal(SHA256.HashData(expected));
        _cluster.Tunnels.Violations.Should().BeEmpty();
    }

    [KubectlTheory]
    [MemberData(nameof(KubectlCases.Transports), MemberType = typeof(KubectlCases))]
    public async Task Kubectl_reports_a_refused_port_with_the_runtimes_message(string binary, bool webSockets)
    {
        await using var kubectl = KubectlProcess.Start(binary, _cluster, webSockets, "port-forward", "pod/solo", ":9999");
        var local = await kubectl.ReadLocalPortAsync(9999);

        (await ExchangeAsync(local, "x", mayFail: true)).Should().BeEmpty();
        await kubectl.WaitForExitAsync();
        kubectl.Errors.Should().Contain("error forwarding port 9999 to pod").And.Contain("connect: connection refused").And.Contain("lost connection to pod");
    }

    [KubectlTheory]
    [MemberData(nameof(KubectlCases.Transports), MemberType = typeof(KubectlCases))]
    public async Task Kubectl_falls_back_to_SPDY_where_the_tunnel_is_unknown(string binary, bool webSockets)
    {
        _cluster.Transports.WebSocketTunnel = TransportAnswer.Refuse(400, "query parameter \"port\" is required");
        await using var kubectl = KubectlProcess.Start(binary, _cluster, webSockets, "port-forward", "pod/solo", ":7000");

        (await ExchangeAsync(await kubectl.ReadLocalPortAsync(7000), "hello")).Should().Be("hello");
        _cluster.Tunnels.Open.Should().ContainSingle().Which.Kind.Should().Be(TunnelKind.Spdy);
    }

    [KubectlTheory]
    [MemberData(nameof(KubectlCases.Transports), MemberType = typeof(KubectlCases))]
    public async Task Kubectl_loses_its_connection_when_the_tunnel_is_cut(string binary, bool webSockets)
    {
        await using var kubectl = KubectlProcess.Start(binary, _cluster, webSockets, "port-forward", "pod/solo", ":7000");
        (await ExchangeAsync(await kubectl.ReadLocalPortAsync(7000), "hello")).Should().Be("hello");
        _cluster.Tunnels.CutAll();

        await kubectl.WaitForExitAsync();
        kubectl.Errors.Should().Contain("lost connection to pod");
    }

    [KubectlTheory]
    [MemberData(nameof(KubectlCases.Binaries), MemberType = typeof(KubectlCases))]
    public async Task Kubectl_is_known_by_its_client_certificate(string binary)
    {
        await using var kubectl = KubectlProcess.StartWithCertificate(binary, _cluster, "get", "pods", "-o", "name");

        (await kubectl.ReadToEndAsync()).Trim().Should().Be("pod/solo");
        _cluster.Requests.Should().OnlyContain(request => request.User == "admin" && !request.Headers.ContainsKey("Authorization"));
    }

    [KubectlTheory]
    [MemberData(nameof(KubectlCases.Binaries), MemberType = typeof(KubectlCases))]
    public async Task Kubectl_finds_the_pod_of_a_service_and_of_a_deployment(string binary)
    {
        foreach (var (target, port) in new[] { ("svc/web", ":80"), ("svc/web", ":http"), ("deploy/web", ":web"), ("deployment.apps/web", ":8080") })
        {
            await using var kubectl = KubectlProcess.Start(binary, _cluster, webSockets: true, "port-forward", target, port);
            using var http = new HttpClient();
            var page = await http.GetStringAsync(new Uri($"http://127.0.0.1:{await kubectl.ReadLocalPortAsync(8080)}/x"));
            page.Should().Be("host solo path /x\n");
        }
    }

    [KubectlTheory]
    [MemberData(nameof(KubectlCases.Binaries), MemberType = typeof(KubectlCases))]
    public async Task Kubectl_lists_and_watches_pods(string binary)
    {
        await using var list = KubectlProcess.Start(binary, _cluster, webSockets: true, "get", "pods", "-o", "name");
        (await list.ReadToEndAsync()).Trim().Should().Be("pod/solo");

        await using var watch = KubectlProcess.Start(binary, _cluster, webSockets: true, "get", "pods", "--watch", "-o", "name");
        (await watch.ReadLineAsync()).Should().Be("pod/solo");
        await _cluster.Activity.WaitUntilAsync(now => now.Watches == 1, TimeSpan.FromSeconds(20));
        _cluster.Pods.Add(TestPod.Named("late"));
        (await watch.ReadLineAsync()).Should().Be("pod/late");
    }

    [KubectlTheory]
    [MemberData(nameof(KubectlCases.Binaries), MemberType = typeof(KubectlCases))]
    public async Task Kubectl_shows_the_API_servers_refusals_in_its_own_form(string binary)
    {
        await using (var missing = KubectlProcess.Start(binary, _cluster, webSockets: true, "port-forward", "pod/nosuch", ":80"))
        {
            (await missing.WaitForExitAsync()).Should().Be(1);
            missing.Errors.Trim().Should().Be("Error from server (NotFound): pods \"nosuch\" not found");
        }

        _cluster.Access.Deny("admin", "create", "pods/portforward");
        await using var denied = KubectlProcess.Start(binary, _cluster, webSockets: true, "port-forward", "pod/solo", ":80");
        (await denied.WaitForExitAsync()).Should().Be(1);
        denied.Errors.Should().Contain("User \"admin\" cannot create resource \"pods/portforward\"");
    }

    private static async Task<TcpClient> ConnectAsync(int port)
    {
        var tcp = new TcpClient();
        await tcp.ConnectAsync("127.0.0.1", port);
        return tcp;
    }

    /// <summary>Sends a text, and reads as many bytes of an answer or until the end.</summary>
    private static async Task<string> ExchangeAsync(int port, string text, bool mayFail = false)
    {
        using var tcp = await ConnectAsync(port);
        var answer = new byte[text.Length];
        try
        {
            await tcp.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text));
            var read = await tcp.GetStream().ReadAtLeastAsync(answer, answer.Length, throwOnEndOfStream: false).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
            return Encoding.ASCII.GetString(answer, 0, read);
        }
        catch (IOException) when (mayFail)
        {
            return "";
        }
    }
}
