using System.CommandLine;

namespace PortForward.Cli.Commands;

/// <summary>The value of <c>-W</c>: a target and one port of it, <c>[TYPE/]NAME[@NAMESPACE]:PORT</c>.</summary>
internal static class StdioTarget
{
    private const string Example = "as in pf -W pod/dev:22";

    /// <summary>Reads it.</summary>
    /// <param name="flags">The flags.</param>
    /// <param name="parsed">Their values.</param>
    /// <param name="words">The other words of the command line; there may be none.</param>
    /// <param name="command">The words of a command; there may be none.</param>
    /// <exception cref="UsageException">It is malformed, or stands beside what makes no sense with it.</exception>
    public static TargetWords Read(ForwardFlags flags, ParseResult parsed, IReadOnlyList<string> words, IReadOnlyList<string> command)
    {
        string? other = command.Count > 0 ? "a command"
            : words.Count > 0 ? $"\"{words[0]}\""
            : parsed.GetValue(flags.Selector) is not null ? "-l"
            : parsed.GetResult(flags.Address) is not null ? "--address"
            : parsed.GetValue(flags.PortsFile) is not null ? "--ports-file"
            : parsed.GetValue(flags.Output) is "json" ? "-o json"
            : null;
        return other is not null
            ? throw new UsageException($"-W and {other} do not go together: -W connects stdin and stdout to one port, {Example}")
            : Read(parsed.GetValue(flags.Stdio)!);
    }

    private static TargetWords Read(string text)
    {
        int colon = text.LastIndexOf(':');
        if (colon <= 0 || colon == text.Length - 1)
        {
            throw new UsageException($"invalid argument \"{text}\" for \"-W\" flag: a target and a port belong together, {Example}");
        }

        string target = text[..colon];
        return target.Contains(':', StringComparison.Ordinal) || target.Contains('=', StringComparison.Ordinal)
            ? throw new UsageException($"invalid argument \"{text}\" for \"-W\" flag: there is neither a local port nor a name, {Example}")
            : TargetWords.Read(target, [text[(colon + 1)..]]);
    }
}
