using PortForward.Fuzzing.Engine;
using Xunit.Abstractions;

namespace PortForward.Fuzzing;

/// <summary>Whatever others send, the code reads it or refuses it as it promises, in bounded time and memory.</summary>
/// <remarks>The same inputs each time; with PF_TEST_FULL=true also a minute of search for each target, with another seed each time.</remarks>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private const int Seed = 20250101;

    public static TheoryData<string> Targets => [.. FuzzTargets.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task No_mutation_of_the_corpus_shows_a_fault(string name)
    {
        FuzzTarget target = FuzzTargets.Find(name)!;
        var campaign = new Campaign(target, FuzzTargets.Corpus(target), Seed);

        Finding? finding = await campaign.RunAsync((mutations, _) => mutations < target.Mutations);

        output.WriteLine(campaign.ToString());
        Assert.True(finding is null, finding?.Describe(target));
        campaign.Inputs.Should().BePositive("there is a corpus");
    }

    [FullTheory]
    [MemberData(nameof(Targets))]
    public async Task A_minute_of_search_shows_no_fault(string name)
    {
        using var process = new GuidedProcess();

        (bool isClean, string report) = await process.RunAsync(FuzzTargets.Find(name)!, Environment.TickCount, TimeSpan.FromMinutes(1));

        output.WriteLine(report);
        Assert.True(isClean, report);
    }

    [Fact]
    public async Task A_fault_leaves_the_list_of_known_ones_when_it_is_mended()
    {
        foreach (KnownFault known in KnownFault.All)
        {
            FuzzTarget target = FuzzTargets.Find(known.Target)!;
            Finding? finding = await Execution.TryAsync(target, FuzzTargets.Input(known));

            Assert.True(
                finding is not null && known.Explains(target, finding),
                $"{known} does not show \"{known.Signature}\" any more ({finding?.Signature ?? "no fault"}): take its line out of KnownFault.All, and move the file from Known to Corpus");
        }
    }
}

/// <summary>A theory that takes a minute for each case: skipped unless PF_TEST_FULL=true.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FullTheoryAttribute : TheoryAttribute
{
    public FullTheoryAttribute()
    {
        if (Environment.GetEnvironmentVariable("PF_TEST_FULL") != "true")
        {
            Skip = "Takes a minute for each target: set PF_TEST_FULL=true.";
        }
    }
}
