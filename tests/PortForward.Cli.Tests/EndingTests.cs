using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using PortForward.Cli.Tests.Support;
using PortForward.Testing;
using PortForward.Testing.Api;

namespace PortForward.Cli.Tests;

/// <summary>How the program ends, and what of its output can be relied on until then.</summary>
public sealed class EndingTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>
{
    [UnixTheory]
    [InlineData(PfProcess.Interrupt)]
    [InlineData(PfProcess.Terminate)]
    [InlineData(PfProcess.Hangup)]
    public async Task A_signal_ends_it_quietly_with_exit_code_0_and_resets_what_is_open(int signal)
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "pod/solo", $":{ClusterFixture.Echo}");
        using Client client = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.Echo));
        await client.SendAsync("x");
        await client.ReceiveAsync(1);

        pf.Signal(signal);

        (await pf.ExitAsync()).Should().Be(0);
        (await client.ReceiveToEndAsync()).WasReset.Should().BeTrue();
        pf.Error.Should().BeEmpty();
    }

    [UnixFact]
    public async Task A_signal_ends_it_at_once_though_the_pod_takes_nothing()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "pod/solo", $":{ClusterFixture.NeverReads}");
        using Client client = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.NeverReads));
        string block = new('x', 1 << 20);
        Task sending = Task.Run(async () =>
        {
            for (int i = 0; i < 64; i++)
            {
                await client.SendAsync(block);
            }
        });
        await fixture.Cluster.Activity.WaitUntilAsync(now => now.Connections > 0);

        long signalled = Stopwatch.GetTimestamp();
        pf.Signal(PfProcess.Terminate);

        (await pf.ExitAsync()).Should().Be(0);
        Stopwatch.GetElapsedTime(signalled).Should().BeLessThan(TimeSpan.FromSeconds(5));
        await sending.Soon();
        (await client.ReceiveToEndAsync()).WasReset.Should().BeTrue();
    }

    [UnixFact]
    public async Task A_signal_ends_it_while_the_server_does_not_answer()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        cluster.Pods.Add(TestPod.Probe("solo"));
        using IDisposable hang = cluster.Faults.Always(static _ => true, RequestFault.Hang);
        string kubeconfig = cluster.WriteKubeconfig(fixture.PathOf("hanging"));
        await using PfProcess pf = PfProcess.Start(kubeconfig, "pod/solo", ":80");
        while (cluster.Requests.Count == 0)
        {
            await Task.Yield();
        }

        pf.Signal(PfProcess.Interrupt);

        (await pf.ExitAsync()).Should().Be(0);
        pf.Output.Should().BeEmpty();
        pf.Error.Should().BeEmpty();
    }

    [Fact]
    public async Task A_tunnel_that_is_cut_resets_its_client_and_the_next_connection_gets_a_new_one()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        cluster.Pods.Add(TestPod.Probe("solo"));
        string kubeconfig = cluster.WriteKubeconfig(fixture.PathOf("cut"));
        await using PfProcess pf = PfProcess.Start(kubeconfig, "pod/solo", $":{ClusterFixture.Source}", $":{ClusterFixture.Echo}");
        int source = await pf.LocalPortAsync(ClusterFixture.Source);
        int echo = await pf.LocalPortAsync(ClusterFixture.Echo);
        using Client client = await Client.ConnectAsync(source);
        await client.SendAsync("500000000\n");
        await client.ReceiveAsync(1_000_000);
        await cluster.Activity.WaitUntilAsync(now => now.Tunnels == 2); // The next one is dialled in advance, and is not to be cut under the next connection.

        cluster.Tunnels.CutAll();

        (await client.ReceiveToEndAsync()).WasReset.Should().BeTrue("an answer that is not whole must not look whole");
        await pf.ErrorLineAsync(line => line.Contains("the tunnel to the pod was lost", StringComparison.Ordinal));
        using Client next = await Client.ConnectAsync(echo);
        await next.SendAsync("back");
        (await next.ReceiveAsync(4)).Should().Be("back");
    }

    [UnixFact]
    public async Task A_closed_stdout_ends_it_quietly_at_the_next_line()
    {
        ProcessStartInfo pf = PfProcess.Command(fixture.Kubeconfig, "pod/solo", $":{ClusterFixture.Echo}");
        using Process shell = Process.Start(PfProcess.InShell(pf, "{ \"$@\"; echo exit $? >&2; } | head -n 1"))!;
        string first = (await shell.StandardOutput.ReadLineAsync().Soon())!;
        string local = first.Split(' ')[2].Split(':')[1];

        // The second "Forwarding" line may have been the next line already; otherwise a connection brings one, once head has ended too.
        Task<string> errors = shell.StandardError.ReadToEndAsync();
        long began = Environment.TickCount64;
        while (!errors.IsCompleted && Environment.TickCount64 - began < Waiting.Patience.TotalMilliseconds)
        {
            try
            {
                using Client client = await Client.ConnectAsync(int.Parse(local));
                await Task.WhenAny(errors, Task.Delay(100));
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset)
            {
                break; // It has ended, or does so just now.
            }
        }

        (await errors.Soon()).Should().Be("exit 141\n");
    }

    [UnixFact]
    public async Task A_closed_stderr_does_not_end_it()
    {
        ProcessStartInfo pf = PfProcess.Command(fixture.Kubeconfig, "--verbose", "pod/solo", $":{ClusterFixture.Echo}", $":{ClusterFixture.Refused}");
        using Process shell = Process.Start(PfProcess.InShell(pf, "exec \"$@\" 2>&-"))!;
        int[] ports = new int[2];
        while (ports.Contains(0))
        {
            string[] words = (await shell.StandardOutput.ReadLineAsync().Soon())!.Split(' ');
            if (words[2].StartsWith("127", StringComparison.Ordinal))
            {
                ports[words[4] == $"{ClusterFixture.Echo}" ? 0 : 1] = int.Parse(words[2].Split(':')[1]);
            }
        }

        using (Client refused = await Client.ConnectAsync(ports[1]))
        {
            (await refused.ReceiveToEndAsync()).WasReset.Should().BeTrue();
        }

        using Client client = await Client.ConnectAsync(ports[0]);
        await client.SendAsync("alive");
        (await client.ReceiveAsync(5)).Should().Be("alive");
        shell.Kill();
        await shell.WaitForExitAsync();
    }

    [Fact]
    public async Task A_stdout_that_nobody_reads_holds_up_no_connection()
    {
        // A pipe takes 64 KiB, which is some 1,500 lines: these are more.
        string[] ports = [.. Enumerable.Repeat($":{ClusterFixture.Echo}", 2000)];
        using Process pf = Process.Start(PfProcess.Command(fixture.Kubeconfig, ["--address", "127.0.0.1", "pod/solo", .. ports]))!;
        string first = (await pf.StandardOutput.ReadLineAsync().Soon())!;
        int port = int.Parse(first.Split(' ')[2].Split(':')[1]);

        using Client last = await Client.ConnectAsync(port);
        await last.SendAsync("through");
        (await last.ReceiveAsync(7)).Should().Be("through");
        pf.Kill();
        await pf.WaitForExitAsync();
    }

    [Fact]
    public async Task As_JSON_every_line_of_stderr_is_an_object()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "--log-format", "json", "--verbose", "-v", "10", "pod/solo", $":{ClusterFixture.Refused}");
        using (Client client = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.Refused)))
        {
            (await client.ReceiveToEndAsync()).WasReset.Should().BeTrue();
        }

        string failed = await pf.ErrorLineAsync(line => line.Contains("is the application listening", StringComparison.Ordinal));

        using JsonDocument json = JsonDocument.Parse(failed);
        json.RootElement.GetProperty("message").GetString().Should().Contain("pod refused connections on port 9999");
        json.RootElement.GetProperty("type").GetString().Should().Be("connection-failed");
        json.RootElement.GetProperty("reason").GetString().Should().Be("application-refused");
        json.RootElement.GetProperty("target").GetString().Should().Be("pod/solo");
        json.RootElement.GetProperty("namespace").GetString().Should().Be("default");
        json.RootElement.GetProperty("local").GetProperty("address").GetString().Should().Be("127.0.0.1");
        json.RootElement.GetProperty("remote").GetProperty("port").GetInt32().Should().Be(ClusterFixture.Refused);
        foreach (string line in pf.Error)
        {
            using var each = JsonDocument.Parse(line);
            each.RootElement.EnumerateObject().Select(property => property.Name).Take(4).Should().Equal("time", "type", "level", "message");
        }
    }

    [Theory]
    [InlineData("--log-format json --bogus pod/solo 80", "usage")]
    [InlineData("pod/solo 80 --bogus --log-format=json", "usage")]
    [InlineData("-v high --log-format json", "usage")]
    [InlineData("--log-format json", "usage")]
    [InlineData("--log-format json pod/solo 1:2:3", "usage")]
    [InlineData("--log-format json --context nope pod/solo 80", "cluster")]
    [InlineData("--log-format json pod/nope 80", "not-found")]
    [InlineData("--log-format json --token wrong pod/solo 80", "unauthorized")]
    [InlineData("--log-format json --address 192.0.2.1 pod/solo 80", "no-port")]
    public async Task As_JSON_a_mistake_is_an_object_too(string arguments, string reason)
    {
        await using PfProcess pf = await PfProcess.RunAsync(fixture.Kubeconfig, arguments.Split(' '));

        (await pf.ExitAsync()).Should().Be(1);
        foreach (string line in pf.Error)
        {
            using var each = JsonDocument.Parse(line);
            each.RootElement.GetProperty("type").GetString().Should().Be("error");
        }

        using var last = JsonDocument.Parse(pf.Error[^1]);
        last.RootElement.GetProperty("reason").GetString().Should().Be(reason);
        last.RootElement.GetProperty("level").GetString().Should().Be("critical");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task No_secret_shows_at_the_highest_verbosity(bool withCertificate)
    {
        TestUser user = fixture.Cluster.Admin;
        string kubeconfig = fixture.Cluster.WriteKubeconfig(fixture.PathOf($"secrets-{withCertificate}"), user, withCertificate);
        await using PfProcess pf = PfProcess.Start(kubeconfig, "-v", "10", "--verbose", "pod/solo", $":{ClusterFixture.Echo}");
        using (Client client = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.Echo)))
        {
            await client.SendAsync("x");
            await client.ReceiveAsync(1);
        }

        await using PfProcess failing = await PfProcess.RunAsync(kubeconfig, "-v", "10", "--verbose", "pod/nope", ":80");

        string all = string.Join('\n', [.. pf.Output, .. pf.Error, .. failing.Output, .. failing.Error]);
        all.Should().NotContain(user.Token).And.NotContain("Bearer").And.NotContain("PRIVATE KEY");
        all.Should().NotContain(Convert.ToBase64String(Encoding.UTF8.GetBytes(user.KeyPem))[..64]);
    }
}
