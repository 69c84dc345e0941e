using System.Globalization;
using PortForward.Fuzzing;
using PortForward.Fuzzing.Engine;

// dotnet run --project tests/PortForward.Fuzzing -- TARGET [SEED [SECONDS]]   searches, led by what was not reached before
// dotnet run --project tests/PortForward.Fuzzing -- TARGET FILE               runs one input
string[] words = args is ["guided", .. var rest] ? rest : args;
if (words is not [var name, ..] || FuzzTargets.Find(name) is not { } target)
{
    Console.Error.WriteLine($"usage: TARGET [SEED [SECONDS]] or TARGET FILE, where TARGET is one of {string.Join(", ", FuzzTargets.All)}");
    return 2;
}

if (words.Length == 2 && File.Exists(words[1]))
{
    return Report(await Execution.TryAsync(target, InputFile.Read(words[1])));
}

int seed = words.Length > 1 ? int.Parse(words[1], CultureInfo.InvariantCulture) : Environment.TickCount;
var time = TimeSpan.FromSeconds(words.Length > 2 ? double.Parse(words[2], CultureInfo.InvariantCulture) : 60);
if (args is not ["guided", ..])
{
    using var process = new GuidedProcess();
    (bool isClean, string output) = await process.RunAsync(target, seed, time);
    Console.Write(output);
    return isClean ? 0 : 1;
}

Coverage.Start();
var campaign = new Campaign(target, FuzzTargets.Corpus(target), seed) { HasNewCoverage = Coverage.TakeNew };
Finding? found = await campaign.RunAsync((_, elapsed) => elapsed < time);
Console.WriteLine(campaign);
return Report(found);

int Report(Finding? finding)
{
    Console.WriteLine(finding is null ? $"{target}: no fault" : finding.Describe(target));
    return finding is null ? 0 : 1;
}
