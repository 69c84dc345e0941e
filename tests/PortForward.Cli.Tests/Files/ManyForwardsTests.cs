using System.Diagnostics;
using System.Text;
using PortForward.Cli.Tests.Support;
using PortForward.Testing;

namespace PortForward.Cli.Tests.Files;

/// <summary>A file with as many forwards as a large team has services.</summary>
public sealed class ManyForwardsTests : IAsyncLifetime
{
    private const int Count = 64, Workers = 4;

    private readonly TemporaryFolder _folder = new();
    private TestCluster _cluster = null!;
    private string _kubeconfig = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _kubeconfig = _cluster.WriteKubeconfig(_folder["kubeconfig"]);
    }

    public async Task DisposeAsync()
    {
        _folder.Dispose();
        await _cluster.DisposeAsync();
    }

    [UnixFact]
    public async Task All_are_ready_soon_and_nothing_is_refused_while_a_pod_of_each_is_replaced()
    {
        var pods = new TestPod[Count];
        var file = new StringBuilder("version: 1\naddress: 127.0.0.1\nforwards:\n");
        for (int i = 0; i < Count; i++)
        {
            pods[i] = _cluster.Pods.Add(TestPod.Probe($"app{i}-a").Label("app", $"app{i}"));
            _cluster.Add(TestObjects.Service($"app{i}", $"app=app{i}", new ServicePort(80, "http", "web")));
            file.Append(System.Globalization.CultureInfo.InvariantCulture, $"  app{i}: {{ target: svc/app{i}, ports: [\":http\"] }}\n");
        }

        _folder.Write("pf.yaml", file.ToString());
        long began = Stopwatch.GetTimestamp();
        await using PfProcess pf = FileRun.Start(_kubeconfig, _folder.Path, [], "up", "-q", "-o", "json");
        await pf.OutputLineAsync(static line => line.Contains("\"all-ready\"", StringComparison.Ordinal));
        Stopwatch.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(30));

        int[] ports = [.. pf.Output.Select(static line => System.Text.Json.JsonDocument.Parse(line).RootElement)
            .Where(static line => line.GetProperty("type").GetString() == "listening")
            .OrderBy(static line => int.Parse(line.GetProperty("forward").GetString()![3..], System.Globalization.CultureInfo.InvariantCulture))
            .Select(static line => line.GetProperty("local").GetProperty("port").GetInt32())];
        ports.Should().HaveCount(Count).And.OnlyHaveUniqueItems();

        using var replaced = new CancellationTokenSource();
        Task<int>[] clients = [.. Enumerable.Range(0, Workers).Select(worker => Task.Run(() => AskAsync(ports, worker, replaced.Token)))];
        for (int i = 0; i < Count; i++)
        {
            _cluster.Pods.Add(TestPod.Probe($"app{i}-b").Label("app", $"app{i}"));
            pods[i].Terminating();
        }

        // As in a cluster, a pod goes once nobody uses it any more: what it still answered would be reset.
        await pf.OutputLineAsync(_ => pf.Output.Count(static line => line.Contains("\"moved\"", StringComparison.Ordinal)) >= Count);
        foreach (TestPod pod in pods)
        {
            await Waiting.UntilAsync(() => pod.OpenConnections == 0);
            pod.Delete();
        }

        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => AskAsync(ports, worker, new CancellationToken(canceled: true))));
        await replaced.CancelAsync();
        (await Task.WhenAll(clients)).Sum().Should().BeGreaterThanOrEqualTo(Count, "each was asked");
        pf.Error.Where(static line => line.Contains("failed", StringComparison.Ordinal)).Should().BeEmpty();
        pf.Signal(PfProcess.Terminate);
        (await pf.ExitAsync()).Should().Be(0);
    }

    /// <summary>Asks every port that is a worker's, again and again until the end, and once at least.</summary>
    private static async Task<int> AskAsync(int[] ports, int worker, CancellationToken ended)
    {
        using var http = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero }) { Timeout = TimeSpan.FromSeconds(60) };
        int asked = 0;
        do
        {
            for (int i = worker; i < ports.Length; i += Workers)
            {
                string answer = await http.GetStringAsync(new Uri($"http://127.0.0.1:{ports[i]}/"), CancellationToken.None);
                answer.Should().Contain($"app{i}-");
                asked++;
            }
        }
        while (!ended.IsCancellationRequested);
        return asked;
    }
}
