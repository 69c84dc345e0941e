using System.CommandLine;
using Microsoft.Extensions.Logging;
using PortForward.Cli.Files;
using PortForward.Cli.Output;
using PortForward.Cli.Startup;
using PortForward.Cluster;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cli.Commands;

/// <summary>What a command line asks for, checked as far as that is possible without a cluster.</summary>
internal sealed record ForwardArguments
{
    /// <summary>The targets with their ports, as they were written; at least one.</summary>
    public required IReadOnlyList<TargetWords> Targets { get; init; }

    /// <summary>Whether stdin and stdout are connected to the only port of the only target, and nothing is listened on.</summary>
    public bool IsStdio { get; init; }

    /// <summary>The command to run behind the forwards; empty if there is none.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>Whether the command's words may have templates in them.</summary>
    public required bool HasTemplates { get; init; }

    /// <summary>What goes where.</summary>
    public required OutputArguments Output { get; init; }

    /// <summary>How to listen, to follow the target, and to treat connections.</summary>
    public required ForwardOptions Options { get; init; }

    /// <summary>Whether the targets are those of a file. One of several that cannot be started then does not end the others.</summary>
    public bool IsOfFile { get; init; }

    /// <summary>The environment variables of that file for the command.</summary>
    public IReadOnlyList<RunFileVariable> Variables { get; init; } = [];

    /// <summary>Whether one that cannot be started ends the run: somebody waits for all of them, or there is no other.</summary>
    public bool RequiresAll => !IsOfFile || Targets.Count == 1 || Command.Count > 0 || Output.PortsFile is not null;

    /// <summary>The transports to try, in their order.</summary>
    public required IReadOnlyList<string> Transports { get; init; }

    /// <summary>How many tunnels the user allows.</summary>
    public required int MaxTunnels { get; init; }

    /// <summary>How many connections to the API server are kept open in advance.</summary>
    public required int WarmConnections { get; init; }

    /// <summary>After how long a silent tunnel counts as dead.</summary>
    public required TimeSpan LivenessTimeout { get; init; }

    /// <summary>Reads the options; the words of the command line are the targets and their ports, or with a selector ports alone.</summary>
    /// <exception cref="UsageException">Something is missing or malformed.</exception>
    public static ForwardArguments Read(ForwardFlags flags, ParseResult parsed, IReadOnlyList<string>? command = null)
    {
        string[] words = parsed.GetValue(flags.Words) ?? [];
        return Read(
            parsed.GetValue(flags.Stdio) is not null ? [StdioTarget.Read(flags, parsed, words, command ?? [])]
                : parsed.GetValue(flags.Selector) is { } selector ? [TargetWords.Selecting(selector, words)]
                : TargetWords.Divide(words),
            flags,
            parsed,
            command ?? []);
    }

    /// <summary>Reads the options for targets that are known already.</summary>
    /// <exception cref="UsageException">Something is malformed.</exception>
    public static ForwardArguments Read(IReadOnlyList<TargetWords> targets, ForwardFlags flags, ParseResult parsed, IReadOnlyList<string> command)
    {
        try
        {
            // In this order: of several mistakes the first one is told.
            TimeSpan livenessTimeout = ReadPositive(flags.LivenessTimeout, parsed) ?? new TunnelDialOptions().LivenessTimeout;
            int maxTunnels = ReadMaxTunnels(flags, parsed) ?? new ClusterClientOptions().MaxTunnels;
            ForwardOptions options = ReadRouting(flags, parsed);
            Check(targets);
            options = ReadListening(options, flags, parsed);
            _ = ListenAddress.Parse(options.Addresses);
            options = ReadForwarding(options, flags, parsed);
            IReadOnlyList<string> transports = TransportFlag.Parse(parsed.GetValue(flags.Transport));
            var arguments = new ForwardArguments
            {
                Targets = targets,
                IsStdio = parsed.GetValue(flags.Stdio) is not null,
                Command = command,
                Output = OutputArguments.Read(flags, parsed, hasCommand: command.Count > 0),
                HasTemplates = !parsed.GetValue(flags.NoTemplates),
                Options = options,
                Transports = transports,
                MaxTunnels = maxTunnels,
                WarmConnections = ReadWarmConnections(flags, parsed, maxTunnels),
                LivenessTimeout = livenessTimeout,
            };
            arguments.CheckPorts();
            return arguments;
        }
        catch (FormatException e)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <summary>
    /// Whether a port that cannot be had ends the start. kubectl's way with one target is to go on with its other ports; a command and a ports file name all of them.
    /// </summary>
    public bool RequiresAllPorts => IsOfFile || Targets.Count > 1 || Command.Count > 0 || Output.PortsFile is not null;

    /// <summary>What the library is asked for.</summary>
    /// <param name="options">Gives each forward, by its number, the rest of its options.</param>
    public IReadOnlyList<ForwardDefinition> Define(Func<int, ForwardOptions, ForwardOptions> options) =>
        [.. Targets.Select((target, index) => new ForwardDefinition(target.Target, target.Ports)
        {
            Options = options(index, Options with
            {
                Name = target.Name,
                Namespace = target.Namespace,
                Addresses = target.Addresses ?? Options.Addresses,
                RequireAllPorts = RequiresAllPorts,
            }),
        })];

    /// <summary>Checks that the variables of the forwards can be told apart, if they are to be set or written.</summary>
    /// <exception cref="UsageException">Two forwards would set the same one.</exception>
    public void CheckVariables(IReadOnlyList<Forward> forwards)
    {
        bool areWanted = Command.Count > 0 || (Output.PortsFile is not null && Output.ArePortsVariables);
        if (areWanted && ForwardVariables.FindConflict(forwards.Zip(Targets, static (forward, target) => (forward.Name, target.Ports))) is { } conflict)
        {
            throw new UsageException(conflict);
        }
    }

    /// <summary>How the descriptors that there are now are divided. It is asked once the program has opened nearly all that it needs for itself.</summary>
    public DescriptorBudget DivideDescriptors() => DescriptorBudget.For(
        DescriptorLimit.Current, DescriptorLimit.InUse() + (2 * WarmConnections), Listeners, MaxTunnels);

    /// <summary>Reads a flag that is a Go duration.</summary>
    /// <exception cref="UsageException">It is none.</exception>
    public static TimeSpan? ReadDuration(Option<string> flag, ParseResult parsed) => parsed.GetValue(flag) switch
    {
        null => null,
        { } text when GoDuration.TryParse(text, out TimeSpan duration) => Bounded(duration),
        { } text => throw new UsageException($"invalid argument \"{text}\" for \"{flag.Name}\" flag: a duration looks like 30s or 1m30s"),
    };

    /// <summary>A time-out that a timer can hold: nobody waits any longer.</summary>
    public static TimeSpan Bounded(TimeSpan timeout) => timeout < TimeoutRange.Longest ? timeout : TimeoutRange.Longest;

    /// <summary>The log format that a command line asks for, read before the rest of it, so that a mistake in the rest is reported in that format.</summary>
    public static LogFormat FindLogFormat(IReadOnlyList<string> arguments)
    {
        const string Flag = "--log-format";
        string? value = null;
        for (int i = 0; i < arguments.Count && arguments[i] != "--"; i++)
        {
            value = arguments[i].StartsWith($"{Flag}=", StringComparison.Ordinal) ? arguments[i][(Flag.Length + 1)..]
                : arguments[i] == Flag && i + 1 < arguments.Count ? arguments[i + 1]
                : value;
        }

        return value == "json" ? LogFormat.Json : LogFormat.Text;
    }

    /// <summary>The log format.</summary>
    /// <exception cref="UsageException">It is unknown.</exception>
    public static LogFormat ReadLogFormat(ForwardFlags flags, ParseResult parsed) => parsed.GetValue(flags.LogFormat) switch
    {
        null or "text" => LogFormat.Text,
        "json" => LogFormat.Json,
        { } other => throw new UsageException($"invalid argument \"{other}\" for \"--log-format\" flag: text or json"),
    };

    /// <summary>From which level on the libraries' diagnostics are shown: kubectl's -v 4 to 10, in the steps that there are here.</summary>
    public static LogLevel ReadDiagnosticsLevel(ForwardFlags flags, ParseResult parsed) => parsed.GetValue(flags.Verbosity) switch
    {
        >= 8 => LogLevel.Trace,
        >= 6 => LogLevel.Debug,
        >= 4 => LogLevel.Information,
        _ => LogLevel.Warning,
    };

    private static ForwardOptions ReadRouting(ForwardFlags flags, ParseResult parsed)
    {
        var defaults = new ForwardOptions();
        return defaults with
        {
            Reconnect = !parsed.GetValue(flags.NoReconnect),
            Balance = parsed.GetValue(flags.Balance),
            HoldTimeout = ReadNotNegative(flags.HoldTimeout, parsed) ?? defaults.HoldTimeout,
            ReconnectTimeout = ReadNotNegative(flags.ReconnectTimeout, parsed),
        };
    }

    /// <summary>How many listeners there will be.</summary>
    private int Listeners => Targets.Sum(target =>
    {
        int usual = ListenAddress.Parse(target.Addresses ?? Options.Addresses).Count;
        return target.Ports.Select(PortSpec.Parse).Sum(port => port.Path is not null ? 1 : port.Address is { } address ? ListenAddress.Parse([address]).Count : usual);
    });

    /// <summary>
    /// Checks that no two ports are to listen in the same place, if each of them is needed. kubectl's way with one target is to go on with the first, once it knows
    /// the pod.
    /// </summary>
    /// <exception cref="UsageException">Two are.</exception>
    private void CheckPorts()
    {
        var places = new LocalPlaces<string>();
        foreach ((TargetWords target, string port) in RequiresAllPorts ? Targets.SelectMany(static target => target.Ports.Select(port => (target, port))) : [])
        {
            var spec = PortSpec.Parse(port);
            string text = $"{target.Target} {port}";
            if (places.Take(spec, target.Addresses ?? Options.Addresses, text) is { } other)
            {
                throw new UsageException($"{other} and {text} want the same local port, {spec.FixedLocalPort}: :{spec.Remote} takes any free one");
            }
        }
    }

    private static void Check(IReadOnlyList<TargetWords> targets)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var paths = new HashSet<string>(StringComparer.Ordinal);
        foreach (TargetWords target in targets)
        {
            _ = TargetReference.Parse(target.Target);
            foreach (string port in target.Ports)
            {
                if (PortSpec.Parse(port).Path is { } path && !paths.Add(path))
                {
                    throw new UsageException($"two ports listen on {SocketFile.Prefix}{path}; each needs a socket of its own");
                }
            }

            if (target.Name is not null && !names.Add(target.Name))
            {
                throw new UsageException($"two forwards are called {target.Name}");
            }
        }
    }

    private static ForwardOptions ReadListening(ForwardOptions options, ForwardFlags flags, ParseResult parsed) => options with
    {
        Addresses = parsed.GetValue(flags.Address) is { Length: > 0 } given ? given : options.Addresses,
    };

    private static ForwardOptions ReadForwarding(ForwardOptions options, ForwardFlags flags, ParseResult parsed) => options with
    {
        PodRunningTimeout = ReadPositive(flags.PodRunningTimeout, parsed) ?? options.PodRunningTimeout,
        HalfCloseTimeout = ReadNotNegative(flags.HalfCloseTimeout, parsed) ?? options.HalfCloseTimeout,
        DrainTimeout = ReadNotNegative(flags.DrainTimeout, parsed) ?? options.DrainTimeout,
    };

    /// <summary>One tunnel is open from the start, so there is no use for more connections than there may be further ones.</summary>
    private static int ReadWarmConnections(ForwardFlags flags, ParseResult parsed, int maxTunnels)
    {
        int number = parsed.GetResult(flags.WarmConnections) is null ? ClusterConnection.DefaultWarmConnections : parsed.GetValue(flags.WarmConnections);
        return number < 0 ? throw new UsageException("--warm-connections must not be negative") : Math.Min(number, maxTunnels - 1);
    }

    private static int? ReadMaxTunnels(ForwardFlags flags, ParseResult parsed) => parsed.GetResult(flags.MaxTunnels) is null ? null
        : parsed.GetValue(flags.MaxTunnels) is >= 1 and int most ? most
        : throw new UsageException("--max-tunnels must be at least 1");

    private static TimeSpan? ReadPositive(Option<string> flag, ParseResult parsed) => ReadDuration(flag, parsed) is not { } duration ? null
        : duration > TimeSpan.Zero ? duration
        : throw new UsageException($"{flag.Name} must be higher than zero");

    private static TimeSpan? ReadNotNegative(Option<string> flag, ParseResult parsed) => ReadDuration(flag, parsed) is not { } duration ? null
        : duration >= TimeSpan.Zero ? duration
        : throw new UsageException($"{flag.Name} must not be negative");
}
