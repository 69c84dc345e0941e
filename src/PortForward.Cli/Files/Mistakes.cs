namespace PortForward.Cli.Files;

/// <summary>What is wrong in a file, in the order of its places. Of several mistakes at one place the first counts.</summary>
internal sealed class Mistakes
{
    /// <summary>The most that is told of one.</summary>
    private const int MaxLength = 1000;

    private readonly SortedDictionary<FilePosition, FileMistake> _all = new(FilePosition.Order);

    /// <summary>The mistakes in their order.</summary>
    public IReadOnlyCollection<FileMistake> All => _all.Values;

    /// <summary>Adds one.</summary>
    public void Add(FilePosition at, string sentence) => _all.TryAdd(at, new FileMistake(at, UntrustedText.Escaped(sentence, MaxLength)));

    /// <summary>Whether something is wrong at a place already.</summary>
    public bool Has(FilePosition at) => _all.ContainsKey(at);

    /// <summary>Whether something is wrong in a line already.</summary>
    public bool HasLine(int line) => _all.Keys.Any(at => at.Line == line);
}
