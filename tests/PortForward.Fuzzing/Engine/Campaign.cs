using System.Diagnostics;

namespace PortForward.Fuzzing.Engine;

/// <summary>Runs a target on its corpus and then on mutations of it, until something is found or the bound is reached.</summary>
/// <param name="target">The target.</param>
/// <param name="corpus">What to begin with.</param>
/// <param name="seed">Decides about the mutations.</param>
internal sealed class Campaign(FuzzTarget target, IReadOnlyList<FuzzInput> corpus, int seed)
{
    private readonly List<FuzzInput> _inputs = [.. corpus];
    private readonly Mutator _mutator = new(new Random(seed), target.Dictionary);

    /// <summary>Says whether the last run has been where none was before, so that its input is worth to be mutated too; never, unless set.</summary>
    public Func<bool> HasNewCoverage { get; init; } = static () => false;

    /// <summary>How many inputs were run.</summary>
    public int Executions { get; private set; }

    /// <summary>How many inputs mutations are made of.</summary>
    public int Inputs => _inputs.Count;

    /// <summary>How often a fault was met that is known.</summary>
    public int KnownFaults { get; private set; }

    /// <summary>How long it has taken.</summary>
    public TimeSpan Elapsed { get; private set; }

    /// <summary>Runs the corpus, and then mutations as long as there is neither a finding nor an end.</summary>
    /// <param name="goesOn">Told how many mutations were run, and for how long: whether another one is.</param>
    /// <returns>What was found, made as small as possible; null if nothing was.</returns>
    public async Task<Finding?> RunAsync(Func<int, TimeSpan, bool> goesOn)
    {
        long started = Stopwatch.GetTimestamp();
        Finding? finding = null;
        foreach (FuzzInput input in corpus)
        {
            finding ??= await TryAsync(input);
            _ = HasNewCoverage();
        }

        for (int mutations = 0; finding is null && goesOn(mutations, Stopwatch.GetElapsedTime(started)); mutations++)
        {
            FuzzInput input = _mutator.Next(_inputs);
            finding = await TryAsync(input);
            if (HasNewCoverage())
            {
                _inputs.Add(input);
            }
        }

        Elapsed = Stopwatch.GetElapsedTime(started);
        return finding is null ? null : await Reduction.ReduceAsync(target, finding);
    }

    /// <summary>What was done, in one line.</summary>
    public override string ToString() =>
        $"{target}: seed {seed}, {Executions} executions in {Elapsed.TotalSeconds:0.0} s, {Inputs} inputs ({corpus.Count} of the corpus), {KnownFaults} known faults";

    private async Task<Finding?> TryAsync(FuzzInput input)
    {
        Executions++;
        Finding? finding = await Execution.TryAsync(target, input);
        if (finding is null || !KnownFault.All.Any(known => known.Explains(target, finding)))
        {
            return finding;
        }

        KnownFaults++;
        return null;
    }
}
