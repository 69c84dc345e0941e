using System.CommandLine;

namespace PortForward.Cli.Commands;

/// <summary>What a command line says about stdout and the ports file.</summary>
/// <param name="IsQuiet">Whether connections are not told, nor a summary at the end.</param>
/// <param name="IsJson">Whether stdout is JSON.</param>
/// <param name="PortsFile">The ports file; null for none, <c>-</c> for stdout.</param>
/// <param name="ArePortsVariables">Whether that is written as environment variables, and not as JSON.</param>
internal sealed record OutputArguments(bool IsQuiet, bool IsJson, string? PortsFile, bool ArePortsVariables)
{
    /// <summary>What stands for stdout.</summary>
    public const string Stdout = "-";

    /// <summary>Reads the flags.</summary>
    /// <exception cref="UsageException">One is unknown, or what goes to stdout would mix with a command's output.</exception>
    public static OutputArguments Read(ForwardFlags flags, ParseResult parsed, bool hasCommand)
    {
        bool isJson = Choose(flags.Output, parsed, usual: "text", other: "json");
        string? file = parsed.GetValue(flags.PortsFile) is "" ? throw new UsageException("--ports-file has an empty name: is its variable set?") : parsed.GetValue(flags.PortsFile);
        bool areVariables = Choose(flags.PortsFileFormat, parsed, usual: "json", other: "env");
        return file is null && parsed.GetValue(flags.PortsFileFormat) is not null ? throw new UsageException("--ports-file-format goes with --ports-file FILE")
            : isJson && file == Stdout ? throw new UsageException("-o json and --ports-file - do not go together: both write to stdout")
            : !hasCommand ? new OutputArguments(parsed.GetValue(flags.Quiet), isJson, file, areVariables)
            : isJson ? throw new UsageException("-o json and a command do not go together: stdout is the command's")
            : file == Stdout ? throw new UsageException("--ports-file - and a command do not go together: stdout is the command's")
            : new OutputArguments(parsed.GetValue(flags.Quiet), isJson, file, areVariables);
    }

    private static bool Choose(Option<string> flag, ParseResult parsed, string usual, string other) => parsed.GetValue(flag) switch
    {
        null => false,
        { } value when value == usual => false,
        { } value when value == other => true,
        { } value => throw new UsageException($"invalid argument \"{value}\" for \"{string.Join(", ", flag.Aliases.Append(flag.Name))}\" flag: {usual} or {other}"),
    };
}
