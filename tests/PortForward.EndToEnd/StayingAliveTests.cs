using System.Diagnostics;
using Xunit.Abstractions;

namespace PortForward.EndToEnd;

/// <summary>What people leave kubectl for, on a real cluster.</summary>
[Collection(ClusterTests.Name)]
public sealed class StayingAliveTests(TestNamespace cluster, ITestOutputHelper output)
{
    private const string RestartServer = "PF_E2E_RESTART_SERVER";
    private const string RestartKubelet = "PF_E2E_RESTART_KUBELET";

    /// <summary>
    /// How requests may end with an application that dies at once: if it has accepted a connection and not read from it, the system ends that
    /// gracefully, and so does the runtime.
    /// </summary>
    private static readonly string[] DyingAtOnce = ["ok", "reset", "empty"];

    private static bool IsFull => Environment.GetEnvironmentVariable("PF_TEST_FULL") == "true";

    [EndToEndFact]
    public async Task A_rolling_restart_of_an_application_that_serves_on_loses_no_request()
    {
        await using PfProcess pf = Start($"svc/{TestNamespace.Patient}", ":80");
        HttpLoad load = await HttpLoad.DuringAsync(await pf.LocalPortAsync(8080), () => cluster.RestartAsync(TestNamespace.Patient));

        Report(load, pf);
        load.Outcomes.Keys.Should().Equal("ok");
    }

    [EndToEndFact]
    public async Task A_rolling_restart_of_an_application_that_dies_at_once_gives_resets_and_never_a_wrong_answer()
    {
        await using PfProcess pf = Start($"svc/{TestNamespace.Hasty}", ":80");
        HttpLoad load = await HttpLoad.DuringAsync(await pf.LocalPortAsync(8080), () => cluster.RestartAsync(TestNamespace.Hasty));

        Report(load, pf);
        load.Outcomes.Keys.Should().BeSubsetOf(DyingAtOnce);
    }

    [EndToEndFact]
    public async Task Requests_resume_when_the_only_pod_of_a_deployment_was_deleted_and_none_is_refused()
    {
        await using PfProcess pf = Start($"deploy/{TestNamespace.Single}", ":8080");
        HttpLoad load = await HttpLoad.DuringAsync(await pf.LocalPortAsync(8080), async () =>
        {
            await cluster.DeletePodsAsync(TestNamespace.Single);
            await pf.ErrorLineAsync(line => line.StartsWith("back: ", StringComparison.Ordinal) || line.Contains("new connections go to", StringComparison.Ordinal));
        });

        Report(load, pf);
        load.Outcomes.Keys.Should().BeSubsetOf(DyingAtOnce);
        load.Outcomes.Where(outcome => outcome.Key != "ok").Sum(outcome => outcome.Value).Should().BeLessThan(10, "within half a second it has died and its pod is known to be gone");
    }

    [EndToEndFact]
    public async Task A_stateful_sets_pod_is_followed_through_its_restart()
    {
        await using PfProcess pf = Start($"pod/{TestNamespace.Stateful}-0", ":8080");
        int port = await pf.LocalPortAsync(8080);

        await cluster.DeletePodAsync($"{TestNamespace.Stateful}-0");

        (await HttpLoad.RequestAsync(port)).Should().Be("ok");
        await pf.ErrorLineAsync(line => line.StartsWith("back: ", StringComparison.Ordinal));
    }

    [EndToEndFact]
    public async Task A_tunnel_that_is_cut_in_the_middle_of_a_download_is_a_reset_and_the_next_request_is_served()
    {
        await using var relay = new Relay(RealCluster.Server);
        await using PfProcess pf = StartBehind(relay);
        int port = await pf.LocalPortAsync(8080);

        Task<string> download = HttpLoad.RequestAsync(port, 2_000_000_000);
        await Task.Delay(300);
        relay.Cut();

        (await download).Should().Be("reset");
        (await HttpLoad.RequestAsync(port)).Should().Be("ok");
    }

    [EndToEndFact]
    public async Task A_frozen_network_is_noticed_and_overcome()
    {
        await using var relay = new Relay(RealCluster.Server);
        await using PfProcess pf = StartBehind(relay);
        int port = await pf.LocalPortAsync(8080);
        (await HttpLoad.RequestAsync(port)).Should().Be("ok");

        long frozen = Stopwatch.GetTimestamp();
        relay.Freeze();
        await pf.ErrorLineAsync(line => line.StartsWith("lost: ", StringComparison.Ordinal));
        output.WriteLine($"noticed after {Stopwatch.GetElapsedTime(frozen).TotalSeconds:0} s");
        TimeSpan rest = (IsFull ? TimeSpan.FromMinutes(10) : TimeSpan.FromSeconds(40)) - Stopwatch.GetElapsedTime(frozen);
        await Task.Delay(rest > TimeSpan.Zero ? rest : TimeSpan.Zero);
        relay.Thaw();

        (await HttpLoad.RequestAsync(port)).Should().Be("ok");
        output.WriteLine(string.Join('\n', pf.Error));
    }

    [EndToEndFact(RestartServer)]
    public async Task An_API_server_that_is_restarted_is_waited_for()
    {
        await using PfProcess pf = Start($"deploy/{TestNamespace.Single}", ":8080");
        int port = await pf.LocalPortAsync(8080);
        await RunScriptAsync(RestartServer);

        (await HttpLoad.RequestAsync(port)).Should().Be("ok");
        output.WriteLine(string.Join('\n', pf.Error));
        await cluster.ReadyAsync();
    }

    [EndToEndFact(RestartKubelet)]
    public async Task A_kubelet_whose_connections_are_cut_ends_what_was_open_and_new_requests_are_served()
    {
        await using PfProcess pf = Start($"deploy/{TestNamespace.Single}", ":8080");
        int port = await pf.LocalPortAsync(8080);
        Task<string> download = HttpLoad.RequestAsync(port, 2_000_000_000);
        await Task.Delay(300);

        await RunScriptAsync(RestartKubelet);

        (await download).Should().Be("reset");
        (await HttpLoad.RequestAsync(port)).Should().Be("ok");
        output.WriteLine(string.Join('\n', pf.Error));
        await cluster.ReadyAsync();
    }

    private static async Task RunScriptAsync(string variable)
    {
        using Process command = Process.Start("/bin/sh", ["-c", Environment.GetEnvironmentVariable(variable)!]);
        await command.WaitForExitAsync();
    }

    private PfProcess Start(params string[] arguments) =>
        PfProcess.Start(Environment.GetEnvironmentVariable("KUBECONFIG"), ["-n", cluster.Name, .. arguments]);

    /// <summary>Through a relay, with the checks of the server itself.</summary>
    private PfProcess StartBehind(Relay relay) => Start(
        "-s", $"https://127.0.0.1:{relay.Port}{RealCluster.Server.AbsolutePath}", "--tls-server-name", RealCluster.Server.Host, $"deploy/{TestNamespace.Single}", ":8080");

    private void Report(HttpLoad load, PfProcess pf)
    {
        output.WriteLine(string.Join(", ", load.Outcomes.Select(outcome => $"{outcome.Key}: {outcome.Value}")));
        output.WriteLine(string.Join('\n', pf.Error));
    }
}
