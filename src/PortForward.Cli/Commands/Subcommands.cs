using PortForward.Cli.Files;
using PortForward.Cli.Names;

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

    /// <summary>What to add to the failure of a pod of that name that does not exist, if a word behind it may have been meant as a name; null if none was.</summary>
    public static string? HintFor(IReadOnlyList<string> words)
    {
        bool isCommand = words is [Up or Check or Init, ..];
        return !isCommand || words.Skip(1).FirstOrDefault(static word => TargetWords.MayBePort(word) && ForwardName.IsValid(word)) is not { } port ? null
            : words[0] == Up ? $" (pf up {port} is the pod up, since {port} has a digit and is no name in {RunFileSearch.Name}; -f {RunFileSearch.Name} makes it the command)"
            : $" (pf {words[0]} {port} is the pod {words[0]}; pf {words[0]} alone is the command)";
    }
}
