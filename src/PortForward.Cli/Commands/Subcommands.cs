using PortForward.Cli.Files;
using PortForward.Cli.Names;
using PortForward.Cluster;

namespace PortForward.Cli.Commands;

/// <summary>The program's own commands, as the first word. What stands behind one may make it the name of a pod, as for kubectl.</summary>
internal static class Subcommands
{
    public const string Up = "up", Check = "check", Init = "init";

    /// <summary>The command that words begin with; null if they are a target with its ports.</summary>
    /// <param name="words">The words of the command line.</param>
    /// <param name="hasFile">Whether a file is named, which no command line of kubectl's does.</param>
    /// <param name="findNames">The names of the forwards and groups in the file that would be used; it is asked only where they make a difference.</param>
    public static string? Find(IReadOnlyList<string> words, bool hasFile, Func<IReadOnlyCollection<string>> findNames)
    {
        if (words is not [Up or Check or Init, ..])
        {
            return null;
        }

        string[] rest = [.. words.Skip(1)];
        string[] ports = [.. rest.Where(TargetWords.MayBePort)];
        return hasFile || ports.Length == 0 ? words[0]
            : words[0] == Up && rest.All(ForwardName.IsValid) && ports.All(findNames().Contains) ? Up
            : null;
    }

    /// <summary>
    /// The arguments of <c>pf check</c> with the flag <c>--cluster</c> as it may be written there: without a value, as it takes no words that could be one.
    /// </summary>
    public static string[] WithSwitch(string[] arguments) => arguments is not [Check, ..] ? arguments
        : [.. arguments.Index().Select(argument => argument.Item == "--cluster" && arguments.ElementAtOrDefault(argument.Index + 1) is null or ['-', ..] ? "--cluster=" : argument.Item)];

    /// <summary>What to add to the failure of words as a target and its ports, if one of the program's own commands may have been meant; null if none was.</summary>
    /// <param name="words">The words of the command line.</param>
    /// <param name="findNames">The names of the forwards and groups in the file that would be used; it is asked only where they make a difference.</param>
    public static string? HintFor(IReadOnlyList<string> words, Func<IReadOnlyCollection<string>> findNames)
    {
        string[] rest = [.. words.Skip(1)];
        return words switch
        {
            [Up or Check or Init, ..] when rest.FirstOrDefault(static word => TargetWords.MayBePort(word) && ForwardName.IsValid(word)) is { } port => words[0] == Up
                ? $" (pf up {port} is the pod up, since {port} has a digit and is no name in {RunFileSearch.Name}; -f {RunFileSearch.Name} makes it the command)"
                : $" (pf {words[0]} {port} is the pod {words[0]}; pf {words[0]} alone is the command)",
            [Up, ..] when rest.FirstOrDefault(TargetWords.MayBePort) is { } port && FindName(rest, findNames) is { } name =>
                $" (with {port} behind it, up is a pod; pf up {name} is the command, and takes the ports from {RunFileSearch.Name})",
            [not (Up or Check or Init) and var first, _, ..] when Nearest.Of(first, [Up]) is not null
                && !rest.Any(TargetWords.MayBePort)
                && FindName(rest, findNames) is not null => " (did you mean pf up?)",
            _ => null,
        };
    }

    /// <summary>What to add to the failure of a word without a port; null if it is like no command.</summary>
    public static string? HintFor(string word) => word is "version" ? " (did you mean pf --version?)"
        : Nearest.Of(word, [Up, Check, Init]) is { } near ? $" (did you mean pf {near}?)"
        : null;

    /// <summary>The first of some words that begins with a name in the file, with a port behind it or not; null if there is none, or no file that can be read.</summary>
    private static string? FindName(string[] words, Func<IReadOnlyCollection<string>> findNames)
    {
        try
        {
            IReadOnlyCollection<string> names = findNames();
            return words.Select(static word => word.Split(':')[0]).FirstOrDefault(names.Contains);
        }
        catch (FileException)
        {
            return null;
        }
    }
}
