using System.CommandLine;
using System.Reflection;
using Microsoft.Extensions.Logging;
using PortForward.Cli.Output;
using PortForward.Cluster;
using PortForward.Forwarding;

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
        var flags = new ForwardFlags();
        ParseResult parsed;
        LogFormat format;
        try
        {
            parsed = Parse(flags, arguments);
            if (parsed.GetValue(flags.Help))
            {
                return Print(HelpText.Render(flags));
            }

            if (parsed.GetValue(flags.Version))
            {
                return Print($"pf {Version}");
            }

            format = ForwardOptions.ReadLogFormat(flags, parsed);
        }
        catch (UsageException e)
        {
            StandardStream.Error.TryWriteLine(Describe(e));
            return Failure;
        }

        bool verbose = parsed.GetValue(flags.Verbose);
        using ILoggerFactory loggers = Stderr.CreateLoggerFactory(format, ForwardOptions.ReadDiagnosticsLevel(flags, parsed));
        ILogger stderr = loggers.CreateLogger(Stderr.UserCategory);
        try
        {
            return await ForwardRun.RunAsync(ForwardOptions.Read(flags, parsed), flags, parsed, loggers);
        }
        catch (UsageException e)
        {
            stderr.Failed(Describe(e));
        }
        catch (ClusterException e)
        {
            stderr.Failed(e.IsVerbatim ? e.Message : $"error: {e.Message}", verbose ? e : null);
        }
        catch (PortForwardException e)
        {
            stderr.Failed($"error: {e.Message}", verbose ? e : null);
        }

        catch (Exception e) when (!verbose)
        {
            // A fault of the program itself. With --verbose it is let through with all that is known of it.
            stderr.Failed($"error: pf failed unexpectedly: {e.GetType().Name}: {e.Message} (run it again with --verbose, and report what it says)");
        }

        return Failure;
    }

    private static string Version => typeof(ForwardCommand).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    private static string Describe(UsageException e) => $"error: {e.Message} (see pf --help)";

    /// <summary>Parses the arguments as kubectl would.</summary>
    /// <exception cref="UsageException">A flag is unknown, lacks its value, or has one that is none.</exception>
    private static ParseResult Parse(ForwardFlags flags, string[] arguments)
    {
        var command = new Command("pf") { flags.Words };
        foreach (Option option in flags.All)
        {
            command.Options.Add(option);
        }

        // Words that begin with '@' are no response files here.
        var configuration = new ParserConfiguration { ResponseFileTokenReplacer = null };
        ParseResult parsed = command.Parse(FlagSyntax.Normalize(arguments, flags.All), configuration);
        return parsed.Errors is [var first, ..] ? throw new UsageException(first.Message.TrimEnd('.')) : parsed;
    }

    private static int Print(string text) => StandardStream.Output.TryWriteLine(text) ? Success : Failure;
}
