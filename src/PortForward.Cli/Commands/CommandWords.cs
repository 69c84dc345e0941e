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

    /// <summary>Whether a command line wants a command to be run, as far as that can be told before its flags are understood.</summary>
    public static bool AreIn(IReadOnlyList<string> arguments)
    {
        int separator = arguments.TakeWhile(static word => word != "--").Count();
        return (separator >= WordsBefore || arguments is [Subcommands.Up, ..]) && AreCommand([.. arguments.Skip(separator + 1)]);
    }
}
