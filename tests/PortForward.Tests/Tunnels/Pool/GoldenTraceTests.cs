
namespace PortForward.Tests.Tunnels.Pool;

/// <summary>
/// What the pool does in a long random script, line by line, beside the recorded trace: a change of its inside must not change it. A change that is meant to
/// changes the trace in the same commit: PF_TEST_RECORD=1 records it anew.
/// </summary>
[Collection(nameof(GoldenTraceTests))]
public sealed class GoldenTraceTests
{
    private const int Steps = 250;

    private static readonly string Folder = Path.Combine(SourceTree.Root, "tests", "PortForward.Tests", "Tunnels", "Pool", "Traces");

    [Theory]
    [InlineData(1, 256, 1)]
    [InlineData(2, 256, 4)]
    [InlineData(3, 256, 1)]
    [InlineData(4, 256, 0)]
    [InlineData(5, 4, 2)]
    [InlineData(6, 4, 1)]
    [InlineData(7, 2, 2)]
    [InlineData(8, 1, 1)]
    public void The_pool_does_what_was_recorded(int seed, int maxTunnels, int minimumIdle)
    {
        string file = Path.Combine(Folder, $"{seed}.txt");
        List<string> trace = Record(seed, maxTunnels, minimumIdle);
        if (Environment.GetEnvironmentVariable("PF_TEST_RECORD") == "1")
        {
            Directory.CreateDirectory(Folder);
            File.WriteAllLines(file, trace);
            Assert.Fail($"{file} was recorded: run the test again without PF_TEST_RECORD.");
        }

        string[] recorded = File.ReadAllLines(file);
        string? difference = trace.Zip(recorded).Where(lines => lines.First != lines.Second).Select(lines => $"\n{lines.First}\ninstead of\n{lines.Second}").FirstOrDefault();
        difference.Should().BeNull("seed {0}", seed);
        trace.Should().HaveSameCount(recorded);
    }

    private static List<string> Record(int seed, int maxTunnels, int minimumIdle)
    {
        List<string> trace = [];
        Exception? fault = null;
        var thread = new Thread(() =>
        {
            try
            {
                var script = new PoolScript(seed, maxTunnels, minimumIdle);
                trace.AddRange(script.Run(Steps));
                script.DisposeAsync().AsTask().GetAwaiter().GetResult();
            }
            catch (Exception e)
            {
                fault = e;
            }
        });
        thread.Start();
        thread.Join();
        return fault is null ? trace : throw new InvalidOperationException($"Seed {seed}: {fault.Message}, after {trace.LastOrDefault()}", fault);
    }
}

/// <summary>The script waits until the thread pool rests, which it never does beside other tests.</summary>
[CollectionDefinition(nameof(GoldenTraceTests), DisableParallelization = true)]
public sealed class GoldenTraceTestsAlone;
