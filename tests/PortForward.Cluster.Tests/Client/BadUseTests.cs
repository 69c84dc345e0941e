using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Testing.Api;

namespace PortForward.Cluster.Tests.Client;

/// <summary>What cannot work is an exception with one sentence, and never a hang; and nothing is left of it.</summary>
public sealed class BadUseTests : ClusterClientTestBase
{
    [Theory]
    [InlineData("svc/nobody", "Error from server (NotFound): services \"nobody\" not found")]
    [InlineData("nobody", "Error from server (NotFound): pods \"nobody\" not found")]
    public async Task A_target_that_does_not_exist(string target, string sentence)
    {
        await this.Invoking(_ => Client.ForwardAsync(target, ":80")).Should().ThrowAsync<ClusterException>().WithMessage(sentence);
    }

    [Fact]
    public async Task A_port_that_the_service_does_not_have()
    {
        AddWeb("web-1");

        await this.Invoking(_ => Client.ForwardAsync("svc/web", ":81")).Should().ThrowAsync<ClusterException>().WithMessage("Service web does not have a service port 81");
    }

    [Theory]
    [InlineData("a/b/c", ":80", "arguments in resource/name form may not have more than one slash")]
    [InlineData("svc/web", "80:x:1", "invalid port \"80:x:1\": expected [LOCAL:]REMOTE, or ADDRESS:LOCAL:REMOTE")]
    public async Task A_text_that_is_malformed(string target, string port, string sentence)
    {
        await this.Invoking(_ => Client.ForwardAsync(target, port)).Should().ThrowAsync<FormatException>().WithMessage(sentence);
    }

    [Fact]
    public async Task An_address_that_is_malformed()
    {
        await this.Invoking(_ => Client.ForwardAsync("web", [":80"], new ForwardOptions { Addresses = ["here"] })).Should().ThrowAsync<FormatException>().WithMessage("here is not a valid IP");
    }

    [Fact]
    public async Task No_port_at_all()
    {
        await this.Invoking(_ => Client.ForwardAsync("svc/web")).Should().ThrowAsync<ArgumentException>().WithMessage("At least one port is needed*");
    }

    [Fact]
    public async Task Options_that_make_no_sense()
    {
        ForwardOptions[] senseless =
        [
            new() { PodRunningTimeout = TimeSpan.Zero }, new() { HoldTimeout = -TimeSpan.FromSeconds(1) }, new() { ReconnectTimeout = -TimeSpan.FromSeconds(1) },
            new() { HalfCloseTimeout = -TimeSpan.FromSeconds(1) }, new() { DrainTimeout = -TimeSpan.FromSeconds(1) }, new() { LivenessTimeout = TimeSpan.Zero },
            new() { MaxConnections = 0 }, new() { HoldTimeout = TimeSpan.MaxValue }, new() { DrainTimeout = TimeSpan.FromDays(60) },
        ];
        foreach (ForwardOptions options in senseless)
        {
            await this.Invoking(_ => Client.ForwardAsync("svc/web", [":80"], options)).Should().ThrowAsync<ArgumentException>();
        }

        this.Invoking(_ => NewClient(new ClusterClientOptions { Transports = ["carrier pigeon"] })).Should().Throw<ArgumentException>().WithMessage("Transports must be*");
        this.Invoking(_ => NewClient(new ClusterClientOptions { Transports = [] })).Should().Throw<ArgumentException>();
        this.Invoking(_ => NewClient(new ClusterClientOptions { LivenessTimeout = TimeSpan.Zero })).Should().Throw<ArgumentException>();
        this.Invoking(_ => NewClient(new ClusterClientOptions { RequestTimeout = -TimeSpan.FromSeconds(1) })).Should().Throw<ArgumentException>();
        this.Invoking(_ => NewClient(new ClusterClientOptions { MaxTunnels = 0 })).Should().Throw<ArgumentException>();
        this.Invoking(_ => NewClient(new ClusterClientOptions { MaxWarmConnections = -1 })).Should().Throw<ArgumentException>();
        this.Invoking(_ => NewClient(new ClusterClientOptions { InCluster = true, Overrides = new() { Server = "https://elsewhere" } })).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void No_kubeconfig()
    {
        File.Delete(Home[".kube/config"]);

        this.Invoking(_ => NewClient()).Should().Throw<ClusterException>().WithMessage("*there is no kubeconfig: *");
        this.Invoking(_ => NewClient(new ClusterClientOptions { Kubeconfig = Home["elsewhere"] })).Should().Throw<ClusterException>().WithMessage("*does not exist*");
    }

    [Fact]
    public void A_context_that_does_not_exist()
    {
        this.Invoking(_ => NewClient(new ClusterClientOptions { Context = "nowhere" })).Should().Throw<ClusterException>().WithMessage("context \"nowhere\" does not exist*");
    }

    [Fact]
    public void In_a_cluster_though_it_is_in_none()
    {
        this.Invoking(_ => NewClient(new ClusterClientOptions { InCluster = true })).Should().Throw<ClusterException>().WithMessage("this process does not run in a pod*");
    }

    [Fact]
    public async Task A_server_that_is_not_there()
    {
        await using ClusterClient client = NewClient(new ClusterClientOptions { Overrides = new() { Server = "https://127.0.0.1:1" } });

        await this.Invoking(_ => client.ForwardAsync("svc/web", ":80")).Should().ThrowAsync<ClusterException>().WithMessage("*was refused*");
    }

    [Fact]
    public async Task A_namespace_that_is_none_is_never_sent()
    {
        await this.Invoking(_ => Client.ForwardAsync("web", [":80"], new ForwardOptions { Namespace = ".." })).Should().ThrowAsync<ClusterException>();
        await this.Invoking(_ => Client.DialAsync("web", "80", "..", CancellationToken.None)).Should().ThrowAsync<ClusterException>();

        Cluster.Activity.TunnelsOpened.Should().Be(0);
    }

    [Fact]
    public async Task A_local_port_that_is_asked_for_twice()
    {
        AddWeb("web-1");

        await this.Invoking(_ => Client.ForwardAsync("svc/web", "18080:http", "18080:echo"))
            .Should().ThrowAsync<PortForwardException>().WithMessage("18080:echo asks for a local port that another port has already");
    }

    [Fact]
    public async Task A_pod_that_does_not_run_in_time()
    {
        Cluster.Pods.Add(TestPod.Probe("web-1").Phase("Pending"));

        await this.Invoking(_ => Client.ForwardAsync("web-1", [":80"], new ForwardOptions { PodRunningTimeout = TimeSpan.FromMilliseconds(300) }))
            .Should().ThrowAsync<ClusterException>().WithMessage("timed out waiting for pod/web-1*");
    }

    [Fact]
    public async Task A_port_in_use()
    {
        AddWeb("web-1");
        using var other = new TcpListener(System.Net.IPAddress.Loopback, 0);
        other.Start();
        int taken = ((System.Net.IPEndPoint)other.LocalEndpoint).Port;

        // The second port's listener, which could be opened, is closed again.
        await this.Invoking(_ => Client.ForwardAsync("web-1", [$":{Echo}", $"{taken}:{Echo}"], new ForwardOptions { Addresses = ["127.0.0.1"] }))
            .Should().ThrowAsync<PortForwardException>().WithMessage($"unable to listen on port {taken}: 127.0.0.1:{taken}: address already in use");
    }

    [Fact]
    public async Task A_port_in_use_where_another_one_is_enough()
    {
        AddWeb("web-1");
        using var other = new TcpListener(System.Net.IPAddress.Loopback, 0);
        other.Start();
        int taken = ((System.Net.IPEndPoint)other.LocalEndpoint).Port;

        await using Forward forward = await Client.ForwardAsync(
            "web-1", [$"{taken}:{Echo}", $":{Echo}"], new ForwardOptions { Addresses = ["127.0.0.1"], RequireAllPorts = false }).Soon();

        forward.Ports[0].Local.Should().BeEmpty();
        forward.Port.Should().Be(forward.Ports[1].Local[0].Port);
        await EchoOnceAsync(forward, "hello", port: 1);
    }

    [Fact]
    public async Task Missing_rights()
    {
        AddWeb("web-1");
        Cluster.Access.Deny("admin", "create", "pods/portforward");
        Cluster.Access.Deny("admin", "get", "pods/portforward");

        (await this.Invoking(_ => Client.ForwardAsync("web-1", $":{Echo}")).Should().ThrowAsync<ClusterException>().WithMessage("*(Forbidden)*pods/portforward*"))
            .Which.Fault!.StatusCode.Should().Be(System.Net.HttpStatusCode.Forbidden);
    }

    [Fact]
    public async Task A_client_that_was_disposed()
    {
        await Client.DisposeAsync();
        await Client.DisposeAsync();

        await this.Invoking(_ => Client.ForwardAsync("svc/web", ":80")).Should().ThrowAsync<ObjectDisposedException>();
    }

    [Fact]
    public async Task A_client_that_is_disposed_while_it_starts_and_while_it_forwards()
    {
        AddWeb("web-1");
        Forward ready = await Client.ForwardAsync("web-1", $":{Echo}").Soon();
        using Socket connected = await ConnectAsync(ready);
        using IDisposable plan = Cluster.Faults.Always(request => request.Path.EndsWith("/services/web", StringComparison.Ordinal), RequestFault.Hang);
        Task<Forward> starting = Client.ForwardAsync("svc/web", ":80");
        await Waiting.UntilAsync(() => Cluster.Requests.Any(request => request.Path.EndsWith("/services/web", StringComparison.Ordinal)));

        await Task.WhenAll(Client.DisposeAsync().AsTask(), Client.DisposeAsync().AsTask()).Soon();

        await starting.Soon().Invoking(task => task).Should().ThrowAsync<ObjectDisposedException>();
        ready.State.Should().Be(ForwardState.Ended);
        await ready.DisposeAsync().Soon();
    }

    [Theory]
    [InlineData("/api/v1/namespaces/default/pods/web-1")]
    [InlineData("/portforward")]
    public async Task A_start_that_is_cancelled_while_it_waits_for_an_answer(string path)
    {
        AddWeb("web-1");
        using IDisposable plan = Cluster.Faults.Always(request => request.Path.EndsWith(path, StringComparison.Ordinal), RequestFault.Hang);
        using var cancel = new CancellationTokenSource();
        Task<Forward> start = Client.ForwardAsync("web-1", [$":{Echo}"], options: null, cancel.Token);
        await Waiting.UntilAsync(() => Cluster.Requests.Any(request => request.Path.EndsWith(path, StringComparison.Ordinal)));

        await cancel.CancelAsync();

        (await start.Soon().Invoking(task => task).Should().ThrowAsync<OperationCanceledException>()).Which.CancellationToken.Should().Be(cancel.Token);
        await Cluster.Activity.WaitUntilAsync(now => now is { Tunnels: 0, Watches: 0 });
    }

    [Fact]
    public async Task A_start_that_is_cancelled_at_any_moment_leaves_nothing()
    {
        AddWeb("web-1");
        var random = new Random(7);
        for (int i = 0; i < 40; i++)
        {
            using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(random.NextDouble() * 30));
            try
            {
                await using Forward forward = await Client.ForwardAsync(i % 2 == 0 ? "web-1" : "deploy/web", [$":{Echo}"], options: null, cancel.Token).Soon();
            }
            catch (OperationCanceledException)
            {
                // In time or too late: both are fine.
            }
        }

        await Cluster.Activity.WaitUntilAsync(now => now is { Tunnels: 0, Watches: 0 });
    }
}
