using System.CommandLine;
using System.Reflection;
using Microsoft.Extensions.Logging;
using PortForward.Cli.Files;
using PortForward.Cli.Output;
using PortForward.Cli.Startup;
using PortForward.Cluster;

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
        int exitCode = CommandWords.AreIn(arguments) ? CommandRun.NotStarted : Failure;
        try
        {
            ParseResult parsed = Parse(flags, Subcommands.WithSwitch(arguments), out IReadOnlyList<string> command);
            exitCode = command.Count > 0 ? CommandRun.NotStarted : Failure;
            if (parsed.GetValue(flags.Help))
            {
                return Show(HelpText.Render(flags), stderr);
            }

            if (parsed.GetValue(flags.Version))
            {
                return Show($"pf {Version}", stderr);
            }

            stderr.Format = ForwardArguments.ReadLogFormat(flags, parsed);
            if (DescriptorLimit.WhyTooLow(DescriptorLimit.Current) is { } tooLow)
            {
                throw new RunException(tooLow, exitCode);
            }

            verbose = parsed.GetValue(flags.Verbose);
            using ILoggerFactory loggers = stderr.CreateLoggerFactory(ForwardArguments.ReadDiagnosticsLevel(flags, parsed));
            IReadOnlyList<string> words = parsed.GetValue(flags.Words) ?? [];
            string? subcommand = parsed.GetValue(flags.Stdio) is not null ? null
                : Subcommands.Find(words, parsed.GetValue(flags.Filename) is not null, RunFileTargets.FindNames);
            if (subcommand is not null && parsed.GetValue(flags.Selector) is not null)
            {
                throw new UsageException($"-l and pf {subcommand} do not go together: leave out one of them (the port {subcommand} is written :{subcommand})");
            }

            return subcommand switch
            {
                Subcommands.Up => await ForwardRun.RunAsync(RunFileTargets.Read(flags, parsed, [.. words.Skip(1)], command, stderr.Tell), flags, parsed, stderr, loggers),
                Subcommands.Check => await CheckCommand.RunAsync(flags, parsed, [.. words.Skip(1)], Print, loggers),
                Subcommands.Init => await InitCommand.RunAsync(flags, parsed, [.. words.Skip(1)], Print, loggers),
                _ => await ForwardAsync(words),
            };

            int Print(string text) => Show(text, stderr);

            async Task<int> ForwardAsync(IReadOnlyList<string> words)
            {
                if (parsed.GetValue(flags.Filename) is not null)
                {
                    throw new UsageException("-f goes with pf up, pf check and pf init");
                }

                if (command.Count == 0 && parsed.GetValue(flags.Stdio) is null)
                {
                    CommandWords.CheckPorts(arguments, words);
                }

                try
                {
                    var read = ForwardArguments.Read(flags, parsed, command);
                    return read.IsStdio ? await StdioRun.RunAsync(read, flags, parsed, stderr, loggers) : await ForwardRun.RunAsync(read, flags, parsed, stderr, loggers);
                }
                catch (ClusterException e) when (e.IsObjectMissing && Subcommands.HintFor(words, RunFileTargets.FindNames) is { } hint)
                {
                    throw e.With(hint);
                }
                catch (ClusterException e) when (command.Count == 0 && e.IsPortMissing && CommandWords.HintFor(arguments) is { } hint)
                {
                    throw e.With(hint);
                }
                catch (UsageException e) when (words is [Subcommands.Up, ..] && Subcommands.HintFor(words, RunFileTargets.FindNames) is { } hint)
                {
                    throw new UsageException(e.Message + hint);
                }
            }
        }
        catch (Exception e)
        {
            IEnumerable<Exception> failures = e is FileException file ? file.Lines.Select(static line => new FileException(line)) : [e];
            foreach (Exception failure in failures)
            {
                stderr.Tell(FailureText.Of(failure, verbose));
            }

            if (e is UsageException && arguments is [])
            {
                foreach (string line in HelpText.Usage)
                {
                    stderr.Tell(new OutputEvent(EventTypes.Note, LogLevel.Information, line));
                }
            }

            return e is RunException run ? run.ExitCode : exitCode;
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

    private static int Show(string text, Stderr stderr)
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
