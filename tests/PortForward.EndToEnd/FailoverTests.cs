using System.Diagnostics;
using System.Text.Json;
using Xunit.Abstractions;

namespace PortForward.EndToEnd;

/// <summary>A service without a selector, whose endpoint slice says where the database is now.</summary>
[Collection(ClusterTests.Name)]
public sealed class FailoverTests(TestNamespace cluster, ITestOutputHelper output)
{
    [EndToEndFact]
    public async Task New_connections_follow_an_endpoint_slice_that_moves_within_a_second()
    {
        IReadOnlyList<string> pods = await cluster.FailoverPodsAsync();
        await cluster.MoveFailoverAsync(pods[0]);
        await using PfProcess pf = PfProcess.Start(
            Environment.GetEnvironmentVariable("KUBECONFIG"), "-n", cluster.Name, "-o", "json", $"svc/{TestNamespace.Failover}", ":http");
        int port = Json(await pf.OutputLineAsync(static line => TypeOf(line) == "listening")).GetProperty("local").GetProperty("port").GetInt32();

        for (int move = 1; move <= 6; move++)
        {
            string next = pods[move % 2];
            await cluster.MoveFailoverAsync(next);
            long moved = Stopwatch.GetTimestamp();
            await pf.OutputLineAsync(_ => pf.Output.Count(IsMove) == move);
            TimeSpan after = Stopwatch.GetElapsedTime(moved);

            after.Should().BeLessThan(TimeSpan.FromSeconds(1));
            (await HttpLoad.RequestAsync(port)).Should().Be("ok");
            await pf.OutputLineAsync(_ => pf.Output.Count(IsClosed) == move);
            PodOf(pf.Output.Last(IsClosed)).Should().Be(next).And.Be(PodOf(pf.Output.Last(IsMove)));
            output.WriteLine($"move {move}: {after.TotalMilliseconds:0} ms");
        }
    }

    private static bool IsClosed(string line) => TypeOf(line) == "connection-closed";

    private static bool IsMove(string line) => TypeOf(line) == "moved";

    private static string PodOf(string line) => Json(line).GetProperty("pod").GetString()!;

    private static string TypeOf(string line) => Json(line).GetProperty("type").GetString()!;

    private static JsonElement Json(string line) => JsonSerializer.Deserialize<JsonElement>(line);
}
