using System.Net;
using System.Net.Sockets;
using PortForward.Cli.Tests.Support;
using PortForward.Testing;
using PortForward.Testing.Applications;

namespace PortForward.Cli.Tests;

/// <summary>Several targets in one run.</summary>
public sealed class ManyTargetsTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>
{
    [Fact]
    public async Task Each_target_has_its_own_ports_and_the_lines_come_in_their_order()
    {
        fixture.Cluster.Pods.Add(TestPod.Probe("db").In("data").Serves(5432, TestApplications.SpeaksFirst("the database")));

        await using PfProcess pf = PfProcess.Start(
            fixture.Kubeconfig, "--address", "127.0.0.1", "pod/solo", $":{ClusterFixture.Echo}", $":{ClusterFixture.Http}", "pg=pod/db@data", ":5432", "svc/web", ":80");
        await pf.OutputLineAsync(line => line.EndsWith("-> 8080", StringComparison.Ordinal) && pf.Output.Count == 4);

        pf.Output.Select(line => line[(line.LastIndexOf(' ') + 1)..]).Should().Equal("7000", "8080", "5432", "8080");
        pf.Output.Should().OnlyContain(line => line.StartsWith("Forwarding from 127.0.0.1:", StringComparison.Ordinal));
        using (Client db = await Client.ConnectAsync(await pf.LocalPortAsync(5432)))
        {
            (await db.ReceiveAsync("the database".Length)).Should().Be("the database");
        }

        using Client echo = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.Echo));
        await echo.SendAsync("hello");
        (await echo.ReceiveAsync(5)).Should().Be("hello");
        pf.Error.Should().BeEmpty();
    }

    [Fact]
    public async Task What_is_wrong_with_one_is_told_with_its_name()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "first=pod/solo", $":{ClusterFixture.Refused}", "second=pod/solo", $":{ClusterFixture.Echo}");
        using Client refused = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.Refused));

        (await refused.ReceiveToEndAsync()).WasReset.Should().BeTrue();

        string line = await pf.ErrorLineAsync(line => line.Contains("failed", StringComparison.Ordinal));
        line.Should().StartWith("first: connection 1 for ").And.Contain("refused connections on port 9999");
    }

    [Fact]
    public async Task Twenty_are_ready_together_and_a_deleted_pod_of_one_harms_no_other()
    {
        TestPod[] pods = [.. Enumerable.Range(0, 20).Select(number => fixture.Cluster.Pods.Add(TestPod.Probe($"many-{number}")))];
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, ["-o", "json", "--address", "127.0.0.1", .. pods.SelectMany(pod => (string[])[$"pod/{pod.Name}", ":7000"])]);
        await pf.OutputLineAsync(line => line.Contains("\"all-ready\"", StringComparison.Ordinal));
        int[] ports = [.. pf.Output.Where(line => line.Contains("\"listening\"", StringComparison.Ordinal)).Select(PortOf)];
        Client[] clients = await Task.WhenAll(ports.Select(Client.ConnectAsync));

        pods[7].Delete();
        await pf.OutputLineAsync(line => line.Contains("\"lost\"", StringComparison.Ordinal) && line.Contains("\"many-7\"", StringComparison.Ordinal));

        ports.Should().HaveCount(20);
        foreach (Client client in clients.Where((_, index) => index != 7))
        {
            await client.SendAsync("hello");
            (await client.ReceiveAsync(5)).Should().Be("hello");
        }

        pf.Output.Count(line => line.Contains("\"lost\"", StringComparison.Ordinal)).Should().Be(1);
        Array.ForEach(clients, static client => client.Dispose());

        static int PortOf(string line)
        {
            using var json = System.Text.Json.JsonDocument.Parse(line);
            return json.RootElement.GetProperty("local").GetProperty("port").GetInt32();
        }
    }

    [Fact]
    public async Task A_port_that_cannot_be_had_ends_all_of_them_before_stdout_has_a_line()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        int taken = ((IPEndPoint)other.LocalEndpoint).Port;

        await using PfProcess pf = await PfProcess.RunAsync(fixture.Kubeconfig, "--address", "127.0.0.1", "pod/solo", ":7000", "svc/web", $"{taken}:80");

        (await pf.ExitAsync()).Should().Be(1);
        pf.Output.Should().BeEmpty();
        pf.Error.Should().Equal(
            $"web: Unable to listen on port {taken}: 127.0.0.1:{taken}: address already in use (stop the program that has it, or use another one: \":80\" takes any free port)",
            "error: nothing is forwarded, since not all ports can be had");
    }

    [Fact]
    public async Task One_that_is_lost_for_good_leaves_the_others_and_the_exit_code_tells()
    {
        TestPod short1 = fixture.Cluster.Pods.Add(TestPod.Probe("short-1"));
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "--reconnect-timeout", "0s", "pod/short-1", ":7000", "pod/solo", $":{ClusterFixture.Http}");
        int http = await pf.LocalPortAsync(ClusterFixture.Http);

        short1.Delete();
        await pf.ErrorLineAsync(line => line.StartsWith("short-1: error: ", StringComparison.Ordinal));

        using (var client = new HttpClient())
        {
            (await client.GetStringAsync(new Uri($"http://127.0.0.1:{http}/"))).Should().Contain("solo");
        }

        pf.Signal(PfProcess.Terminate);
        (await pf.ExitAsync()).Should().Be(1);
    }

    [Fact]
    public async Task A_port_may_have_an_address_of_its_own_and_a_range_takes_the_first_free_one()
    {
        using var other = new TcpListener(IPAddress.Parse("127.0.0.3"), 0);
        other.Start();
        int taken = ((IPEndPoint)other.LocalEndpoint).Port;

        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "pod/solo", "127.0.0.2::7000", $"127.0.0.3:{taken}-{Math.Min(65535, taken + 50)}:8080");
        await pf.OutputLineAsync(_ => pf.Output.Count == 2);

        pf.Output[0].Should().MatchRegex(@"^Forwarding from 127\.0\.0\.2:\d+ -> 7000$");
        pf.Output[1].Should().MatchRegex(@"^Forwarding from 127\.0\.0\.3:\d+ -> 8080$").And.NotContain($":{taken} ");
    }

    [Fact]
    public async Task A_range_leaves_alone_what_another_target_is_to_have()
    {
        using var other = new TcpListener(IPAddress.Parse("127.0.0.4"), 0);
        other.Start();
        int first = ((IPEndPoint)other.LocalEndpoint).Port;
        int wanted = Math.Min(first, 65_000);
        other.Stop();

        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "--address", "127.0.0.4", "svc/web", $"{wanted}-{wanted + 50}:80", "pod/solo", $"{wanted}:7000");
        await pf.OutputLineAsync(_ => pf.Output.Count == 2);

        pf.Output[0].Should().NotContain($":{wanted} ");
        pf.Output[1].Should().Be($"Forwarding from 127.0.0.4:{wanted} -> 7000");
    }

    [Fact]
    public async Task A_port_that_another_program_has_on_one_loopback_address_is_not_had()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        int taken = ((IPEndPoint)other.LocalEndpoint).Port;

        await using PfProcess pf = await PfProcess.RunAsync(fixture.Kubeconfig, "svc/web", ":80", "pod/solo", $"{taken}:7000");

        (await pf.ExitAsync()).Should().Be(1);
        pf.Error.Should().HaveCount(2).And.Contain(line => line.StartsWith($"solo: Unable to listen on port {taken}: 127.0.0.1:{taken}: address already in use", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_range_of_which_none_is_free_is_told_as_a_range()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        int taken = ((IPEndPoint)other.LocalEndpoint).Port;

        await using PfProcess pf = await PfProcess.RunAsync(fixture.Kubeconfig, "--address", "127.0.0.1", "pod/solo", $"{taken}-{taken}:7000");

        (await pf.ExitAsync()).Should().Be(1);
        pf.Error[0].Should().StartWith($"Unable to listen on any port from {taken} to {taken}: 127.0.0.1:{taken}: address already in use (");
    }

    [TerminalFact]
    public async Task In_a_terminal_the_last_line_sums_the_run_up()
    {
        await using var terminal = TerminalSession.Start(PfProcess.Command(fixture.Kubeconfig, "--address", "127.0.0.1", "pod/solo", ":7000"));
        await terminal.ShowsAsync("Forwarding from 127.0.0.1:");
        using (Client client = await Client.ConnectAsync(int.Parse(terminal.Screen.Split(' ')[2].Split(':')[1])))
        {
            await client.SendAsync("hello");
            (await client.ReceiveAsync(5)).Should().Be("hello");
        }

        await terminal.TypeAsync(TerminalSession.CtrlC);

        (await terminal.ExitAsync()).Should().Be(0);
        terminal.Screen.Should().Contain("1 connection, 5 B sent, 5 B received");
    }

    [Fact]
    public async Task The_same_target_twice_is_two_forwards()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "--log-format", "json", "--verbose", "pod/solo", ":7000", "pod/solo", ":8080");
        await pf.OutputLineAsync(line => line.EndsWith("-> 8080", StringComparison.Ordinal));

        string[] ready = [await pf.ErrorLineAsync(Ready("pod-solo")), await pf.ErrorLineAsync(Ready("pod-solo-2"))];
        ready.Should().OnlyContain(line => line.Contains("\"target\":\"pod/solo\"", StringComparison.Ordinal));

        static Func<string, bool> Ready(string name) =>
            line => line.Contains("\"type\":\"ready\"", StringComparison.Ordinal) && line.Contains($"\"forward\":\"{name}\"", StringComparison.Ordinal);
    }
}
