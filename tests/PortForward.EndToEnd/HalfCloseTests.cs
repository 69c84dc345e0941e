using System.Diagnostics;
using Xunit.Abstractions;

namespace PortForward.EndToEnd;

/// <summary>The runtime's two rules of one second (docs/how-connections-end.md), and what holding the client's end back does about them.</summary>
[Collection(ClusterTests.Name)]
public sealed class HalfCloseTests(TestNamespace cluster, ITestOutputHelper output)
{
    /// <summary>More than any machine here carries in a second.</summary>
    private const int LongAnswer = 2_000_000_000;

    [EndToEndFact]
    public async Task An_answer_that_takes_longer_than_a_second_after_the_clients_end_is_cut_by_the_runtime()
    {
        await using PfProcess pf = Start("--half-close-timeout=0s");
        int port = await pf.LocalPortAsync(8080);

        long began = Stopwatch.GetTimestamp();
        string outcome = await HttpLoad.RequestAsync(port, LongAnswer, halfClose: true);

        output.WriteLine($"{outcome} after {Stopwatch.GetElapsedTime(began).TotalSeconds:0.00} s");
        outcome.Should().NotBe("ok");
        Stopwatch.GetElapsedTime(began).Should().BeGreaterThan(TimeSpan.FromSeconds(0.9));
    }

    [EndToEndFact]
    public async Task It_is_whole_when_the_clients_end_is_held_back()
    {
        await using PfProcess pf = Start();

        (await HttpLoad.RequestAsync(await pf.LocalPortAsync(8080), LongAnswer, halfClose: true)).Should().Be("ok");
    }

    [EndToEndFact]
    public async Task The_applications_end_comes_a_second_late()
    {
        await using PfProcess pf = Start();
        int port = await pf.LocalPortAsync(8080);

        long began = Stopwatch.GetTimestamp();
        (await HttpLoad.RequestAsync(port)).Should().Be("ok");

        output.WriteLine($"the end came after {Stopwatch.GetElapsedTime(began).TotalSeconds:0.00} s");
        Stopwatch.GetElapsedTime(began).Should().BeGreaterThan(TimeSpan.FromSeconds(0.9));
    }

    private PfProcess Start(params string[] arguments) =>
        PfProcess.Start(Environment.GetEnvironmentVariable("KUBECONFIG"), ["-n", cluster.Name, .. arguments, $"deploy/{TestNamespace.Single}", ":8080"]);
}
