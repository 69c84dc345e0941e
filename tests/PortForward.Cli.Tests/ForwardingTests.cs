using System.Security.Cryptography;
using System.Text;
using PortForward.Cli.Tests.Support;
using PortForward.Testing;
using PortForward.Testing.Api;
using PortForward.Testing.Applications;

namespace PortForward.Cli.Tests;

public sealed class ForwardingTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>
{
    [Fact]
    public async Task Both_addresses_of_localhost_are_told_in_kubectls_words_and_each_connection_once()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "pod/solo", $":{ClusterFixture.Http}");
        int port = await pf.LocalPortAsync(ClusterFixture.Http);

        using (var http = new HttpClient())
        {
            (await http.GetStringAsync(new Uri($"http://127.0.0.1:{port}/"))).Should().Contain("solo");
        }

        await pf.OutputLineAsync(line => line.StartsWith("Handling", StringComparison.Ordinal));
        IEnumerable<string> expected = System.Net.Sockets.Socket.OSSupportsIPv6
            ? [$"Forwarding from 127.0.0.1:{port} -> 8080", $"Forwarding from [::1]:{port} -> 8080", $"Handling connection for {port}"]
            : [$"Forwarding from 127.0.0.1:{port} -> 8080", $"Handling connection for {port}"];
        pf.Output.Should().Equal(expected);
        pf.Error.Should().BeEmpty();
    }

    [Theory]
    [InlineData("solo", ClusterFixture.Http)]
    [InlineData("pods/solo", ClusterFixture.Http)]
    [InlineData("svc/web", 80)]
    [InlineData("deployment.apps/web", ClusterFixture.Http)]
    public async Task Every_kind_of_target_leads_to_its_pod(string target, int port)
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, target, $":{port}");
        int local = await pf.LocalPortAsync(ClusterFixture.Http);

        using var http = new HttpClient();
        (await http.GetStringAsync(new Uri($"http://127.0.0.1:{local}/"))).Should().NotBeEmpty();
    }

    /// <summary>As happens when a workload is rolled out at that moment.</summary>
    [Fact]
    public async Task A_pod_that_has_gone_before_its_tunnel_stands_is_replaced_by_its_successor()
    {
        fixture.Cluster.Add(TestObjects.Deployment("rolled", "app=rolled"));
        TestPod first = fixture.Cluster.Pods.Add(TestPod.Probe("rolled-1").Label("app", "rolled"));
        using IDisposable rollout = fixture.Cluster.Faults.Always(
            request =>
            {
                if (request.IsPortForward && request.Path.Contains("/rolled-1/", StringComparison.Ordinal) && fixture.Cluster.Pods.Find("rolled-2") is null)
                {
                    first.Delete();
                    fixture.Cluster.Pods.Add(TestPod.Probe("rolled-2").Label("app", "rolled"));
                }

                return false; // The server itself says that the pod is not there any more.
            },
            RequestFault.Status(404));

        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "deploy/rolled", $":{ClusterFixture.Http}");

        using var http = new HttpClient();
        (await http.GetStringAsync(new Uri($"http://127.0.0.1:{await pf.LocalPortAsync(ClusterFixture.Http)}/"))).Should().Contain("rolled-2");
        pf.Error.Should().BeEmpty();
    }

    [Fact]
    public async Task A_download_arrives_whole()
    {
        const int Size = 20_000_000;
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "pod/solo", $":{ClusterFixture.Source}");
        using Client client = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.Source));

        await client.SendAsync($"{Size}\n");
        (byte[] bytes, bool wasReset) = await client.ReceiveToEndAsync();

        byte[] expected = new byte[Size];
        for (int at = 0; at < Size; at += TestApplications.SourceBlock.Length)
        {
            TestApplications.SourceBlock.Span[..Math.Min(TestApplications.SourceBlock.Length, Size - at)].CopyTo(expected.AsSpan(at));
        }

        wasReset.Should().BeFalse();
        SHA256.HashData(bytes).Should().Equal(SHA256.HashData(expected));
    }

    [Fact]
    public async Task Two_hundred_connections_one_after_the_other_all_get_their_answer()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "pod/solo", $":{ClusterFixture.Echo}");
        int port = await pf.LocalPortAsync(ClusterFixture.Echo);

        for (int i = 0; i < 200; i++)
        {
            using Client client = await Client.ConnectAsync(port);
            await client.SendAsync($"{i:000}");
            (await client.ReceiveAsync(3)).Should().Be($"{i:000}");
        }
    }

    [Fact]
    public async Task A_server_that_speaks_first_is_heard_to_the_end()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "pod/solo", $":{ClusterFixture.SpeaksFirst}");
        using Client client = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.SpeaksFirst));

        (byte[] bytes, bool wasReset) = await client.ReceiveToEndAsync();

        Encoding.ASCII.GetString(bytes).Should().Be("hello and goodbye\n");
        wasReset.Should().BeFalse();
    }

    /// <summary>kubectl loses the whole forward here.</summary>
    [Fact]
    public async Task A_refused_port_costs_one_connection_and_one_line()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "pod/solo", $":{ClusterFixture.Echo}", $":{ClusterFixture.Refused}");
        int echo = await pf.LocalPortAsync(ClusterFixture.Echo);
        int refused = await pf.LocalPortAsync(ClusterFixture.Refused);

        using (Client client = await Client.ConnectAsync(refused))
        {
            (await client.ReceiveToEndAsync()).WasReset.Should().BeTrue();
        }

        await pf.ErrorLineAsync(line => line == $"connection 1 for {refused} failed: pod refused connections on port 9999; is the application listening? port-forward connects to localhost inside the pod, "
            + "where one that listens on the pod's address only, or in a sandbox with its own network stack, is not reached");
        using Client next = await Client.ConnectAsync(echo);
        await next.SendAsync("still");
        (await next.ReceiveAsync(5)).Should().Be("still");
        pf.Error.Should().HaveCount(1);
    }

    /// <summary>kubectl gets none of the answer: the runtime cuts it one second after the client's end.</summary>
    [Fact]
    public async Task An_answer_that_comes_two_seconds_after_the_client_has_finished_arrives_whole()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "pod/solo", $":{ClusterFixture.SlowAnswer}");
        using Client client = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.SlowAnswer));

        await client.SendAsync("?");
        client.FinishSending();
        (byte[] bytes, bool wasReset) = await client.ReceiveToEndAsync();

        Encoding.ASCII.GetString(bytes).Should().Be("late but whole");
        wasReset.Should().BeFalse();
    }

    [Fact]
    public async Task A_connection_that_the_application_resets_is_reset()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "pod/solo", $":{ClusterFixture.Resets}");
        using Client client = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.Resets));

        await client.SendAsync("x");

        (await client.ReceiveToEndAsync()).WasReset.Should().BeTrue();
        await pf.ErrorLineAsync(line => line.EndsWith("the application in the pod reset the connection", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_WebSockets_it_goes_over_plain_SPDY()
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["KUBECTL_PORT_FORWARD_WEBSOCKETS"] = "false" };
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, environment, "pod/web-1", $":{ClusterFixture.Echo}");
        using Client client = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.Echo));

        await client.SendAsync("spdy");

        (await client.ReceiveAsync(4)).Should().Be("spdy");
        fixture.Cluster.Requests.Should().Contain(request => request.Method == "POST" && request.Path.EndsWith("/pods/web-1/portforward", StringComparison.Ordinal));
    }
}
