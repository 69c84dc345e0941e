using System.CommandLine;
using PortForward.Benchmarks.Comparison;
using PortForward.Benchmarks.Growth;
using PortForward.Benchmarks.Micro;

// Measuring threads may block; the relay and the load must not wait for new threads because of that.
ThreadPool.SetMinThreads(64, 64);

if (args is ["micro", .. var microArguments])
    return MicroBenchmarks.Run(microArguments);

var root = new RootCommand("Measures pf: beside kubectl, and by itself.")
{
    CompareCommand.Create(),
    GrowthCommand.Create(),
    new Command("micro", "Measures parts of the data path by themselves; takes BenchmarkDotNet's arguments"),
};
try
{
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception e) when (e is FormatException or InvalidOperationException)
{
    await Console.Error.WriteLineAsync($"error: {e.Message}");
    return 1;
}
