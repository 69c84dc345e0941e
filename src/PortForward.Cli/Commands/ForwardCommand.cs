using System.CommandLine;
using System.Reflection;
using Microsoft.Extensions.Logging;
using PortForward.Cli.Output;

namespace PortForward.Cli.Commands;

/// <summary>The program: reads the command line, runs the forward, and turns whatever stops it into one line and an exit code.</summary>
internal static class ForwardCommand
{
    private const int Success = 0;
    private const int Failure = 1;

    /// <summary>Runs the program.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] arguments)
    {
        await using var stderr = new Stderr(ForwardArguments.FindLogFormat(arguments));
        var flags = new ForwardFlags();
        bool verbose = false;
        int failure = CommandWords.AreIn(arguments) ? CommandRun.NotStarted : Failure;
        try
        {
            ParseResult parsed = Parse(flags, arguments, out IReadOnlyList<string> command);
            failure = command.Count > 0 ? CommandRun.NotStarted : Failure;
            if (parsed.GetValue(flags.Help))
            {
                return Print(HelpText.Render(flags), stderr);
            }

            if (parsed.GetValue(flags.Version))
            {
                return Print($"pf {Version}", stderr);
            }

            stderr.Format = ForwardArguments.ReadLogFormat(flags, parsed);
            verbose = parsed.GetValue(flags.Verbose);
            using ILoggerFactory loggers = stderr.CreateLoggerFactory(ForwardArguments.ReadDiagnosticsLevel(flags, parsed));
            var read = ForwardArguments.Read(flags, parsed, command);
            return read.IsStdio ? await StdioRun.RunAsync(read, flags, parsed, stderr, loggers) : await ForwardRun.RunAsync(read, flags, parsed, stderr, loggers);
        }
        catch (Exception e)
        {
            stderr.Tell(FailureText.Of(e, verbose));
            if (e is UsageException && arguments is [])
            {
                foreach (string line in HelpText.Usage)
                {
                    stderr.Tell(new OutputEvent(EventTypes.Note, LogLevel.Information, line));
                }
            }

            return e is RunException run ? run.ExitCode : failure;
        }
    }

    private static string Version => typeof(ForwardCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>Parses the arguments as kubectl would.</summary>
    /// <exception cref="UsageException">A flag is unknown, lacks its value, or has one that is none.</exception>
    internal static ParseResult Parse(ForwardFlags flags, string[] arguments) => Parse(flags, arguments, out _);

    private static ParseResult Parse(ForwardFlags flags, string[] arguments, out IReadOnlyList<string> words)
    {
        var command = new Command("pf") { flags.Words };
        foreach (Option option in flags.All)
        {
            command.Options.Add(option);
        }

        // Words that begin with '@' are no response files here.
        var configuration = new ParserConfiguration { ResponseFileTokenReplacer = null };
        ParseResult parsed = command.Parse(FlagSyntax.Normalize(arguments, flags.All, out words), configuration);
        return parsed.Errors is [var first, ..] ? throw new UsageException(first.Message.TrimEnd('.')) : parsed;
    }

    private static int Print(string text, Stderr stderr)
    {
        if (StandardStream.Output.Write(text + Environment.NewLine) is not { } fault)
        {
            return Success;
        }

        if (fault.IsWorthTelling)
        {
            stderr.Tell(UserMessages.OutputFailed(fault.Reason));
        }

        return Failure;
    }
}
