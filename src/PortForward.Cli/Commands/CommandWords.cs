using PortForward.Cluster.Targets;

namespace PortForward.Cli.Commands;

/// <summary>The words behind <c>--</c>: a command, or what kubectl takes them for, which are more ports.</summary>
internal static class CommandWords
{
    /// <summary>How many words stand before a command at least: a target and a port, or a flag that stands for the target.</summary>
    private const int WordsBefore = 2;

    /// <summary>Whether words are a command. They are not if there are none, or if each is a port with a digit in it: that is a command line of kubectl's.</summary>
    public static bool AreCommand(IReadOnlyCollection<string> words) =>
        words.Count > 0 && !words.All(static word => PortSpec.TryParse(word, out _, out _) && word.Any(char.IsAsciiDigit));

    /// <summary>Whether a command may stand behind words: a target and a port, or the program's own command that starts forwards of a file.</summary>
    public static bool MayFollow(IReadOnlyList<string> words, int targets) => targets + words.Count >= WordsBefore || words is [Subcommands.Up];

    /// <summary>Checks that words behind <c>--</c> that are no command, since no port stands before them, may have been meant as ports.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="words">Its words without the flags.</param>
    /// <exception cref="UsageException">One is not like a port at all.</exception>
    public static void CheckPorts(IReadOnlyList<string> arguments, IReadOnlyList<string> words)
    {
        string[] behind = Behind(arguments);
        bool hasTargetBefore = words.Count > behind.Length;
        if (hasTargetBefore && behind.FirstOrDefault(IsLikeNoPort) is { } other)
        {
            throw new UsageException($"\"{other}\" behind -- is no port, and nothing is a command there without a port before it, as in pf svc/web :80 -- make test");
        }
    }

    /// <summary>What to tell somebody who may have left out the port before a command, so that its words were taken for ports; null if it is not so.</summary>
    public static string? HintFor(IReadOnlyList<string> arguments) =>
        AreCommand(Behind(arguments)) ? " (words behind -- are ports if none stands before it; a command needs one, as in pf svc/web :80 -- make test)" : null;

    /// <summary>Whether a word is neither a port nor a target, nor a try at a port.</summary>
    private static bool IsLikeNoPort(string word) => !word.Any(char.IsAsciiDigit) && !PortSpec.TryParse(word, out _, out _) && !TargetWords.IsTarget(word);

    private static string[] Behind(IReadOnlyList<string> arguments) => [.. arguments.SkipWhile(static word => word != "--").Skip(1)];

    /// <summary>Whether a command line wants a command to be run, as far as that can be told before its flags are understood.</summary>
    public static bool AreIn(IReadOnlyList<string> arguments)
    {
        int separator = arguments.TakeWhile(static word => word != "--").Count();
        return (separator >= WordsBefore || arguments is [Subcommands.Up, ..]) && AreCommand(Behind(arguments));
    }
}
