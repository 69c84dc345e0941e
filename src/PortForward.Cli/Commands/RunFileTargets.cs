using System.CommandLine;
using PortForward.Cli.Files;
using PortForward.Cli.Output;
using PortForward.Cluster;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cli.Commands;

/// <summary>
/// The targets of a run that a file names. A flag stands in place of what the file says for all of its forwards, and not of what it says for one.
/// </summary>
internal static class RunFileTargets
{
    /// <summary>Finds and reads the file.</summary>
    /// <exception cref="FileException">There is none, or something is wrong with it.</exception>
    public static RunFile Load(ForwardFlags flags, ParseResult parsed)
    {
        if (parsed.GetValue(flags.Filename) is { } named)
        {
            return RunFileReader.Read(RunFileOpening.ReadNamed(named), Environment.GetEnvironmentVariable);
        }

        string? userFolder = RunFileSearch.UserFolder(Environment.GetEnvironmentVariable);
        return LoadFound(userFolder) ?? throw new FileException(
            $"there is no {RunFileSearch.Name} here, nor above up to the repository's root{(userFolder is null ? "" : $", nor in {userFolder}")}: "
            + (RunFileSearch.FindMisnamed(Environment.CurrentDirectory, userFolder) is { } misnamed
                ? $"{misnamed} is there; rename it to {Path.ChangeExtension(Path.GetFileName(misnamed), "yaml")}"
                : "pf init writes one, and -f FILE names another"));
    }

    /// <summary>The names of forwards and groups in the file that is found where none is named; none if there is no file.</summary>
    /// <exception cref="FileException">Something is wrong with the file.</exception>
    public static IReadOnlyCollection<string> FindNames() => LoadFound(RunFileSearch.UserFolder(Environment.GetEnvironmentVariable)) is { } file
        ? [.. file.Forwards.Select(static forward => forward.Name), .. file.Groups]
        : [];

    private static RunFile? LoadFound(string? userFolder) => RunFileSearch.Find(Environment.CurrentDirectory, userFolder) is var (path, within)
        ? RunFileReader.Read(RunFileOpening.ReadFound(path, within), Environment.GetEnvironmentVariable)
        : null;

    /// <summary>Reads what a command line asks of a file.</summary>
    /// <param name="flags">The flags.</param>
    /// <param name="parsed">Their values.</param>
    /// <param name="names">The forwards and groups that are wanted; all if there are none.</param>
    /// <param name="command">The command; empty if there is none.</param>
    /// <param name="tell">Takes what the user should know.</param>
    /// <exception cref="FileException">There is no such file, or something is wrong with it.</exception>
    /// <exception cref="UsageException">A name is not in it, or a flag is malformed.</exception>
    /// <exception cref="ClusterException">The kubeconfig cannot be read.</exception>
    public static ForwardArguments Read(ForwardFlags flags, ParseResult parsed, IReadOnlyList<string> names, IReadOnlyList<string> command, Action<OutputEvent> tell)
    {
        RunFile file = Load(flags, parsed);
        RunFileForward[] forwards = Choose(file, names);
        if (CheckContexts(file, forwards, flags, parsed) is { } used)
        {
            tell(used); // What is forwarded may have been decided by somebody else.
        }

        var arguments = ForwardArguments.Read(Of(file, forwards, flags, parsed), flags, parsed, command);
        if (command.Count == 0)
        {
            return arguments with { IsOfFile = true };
        }

        FoundFileRules.CheckVariables(file, static name => Environment.GetEnvironmentVariable(name) is not null);
        var variables = new List<RunFileVariable>();
        foreach (RunFileVariable variable in file.Variables)
        {
            if (variable.Forwards.FirstOrDefault(name => !forwards.Any(forward => forward.Name == name)) is { } missing)
            {
                tell(UserMessages.Note($"{variable.Name} is not set: it names {missing}, which is not in this run"));
                continue;
            }

            variables.Add(variable);
        }

        return arguments with { IsOfFile = true, Variables = variables };
    }

    /// <summary>The targets of forwards.</summary>
    public static IReadOnlyList<TargetWords> Of(RunFile file, IEnumerable<RunFileForward> forwards, ForwardFlags flags, ParseResult parsed)
    {
        bool hasContext = Value(flags.Context, parsed) is not null;
        bool hasNamespace = Value(flags.Namespace, parsed) is not null;
        bool hasAddress = parsed.GetValue(flags.Address) is { Length: > 0 };
        return [.. forwards.Select(forward => new TargetWords(
            forward.Name,
            forward.Target,
            (forward.Namespace ?? (hasNamespace ? null : file.Namespace))?.Text,
            [.. forward.Ports.Select(static port => port.Text)])
        {
            Context = (forward.Context ?? (hasContext ? null : file.Context))?.Text,
            Addresses = (forward.Address ?? (hasAddress ? null : file.Address)) is { } address ? [address.Text] : null,
        })];
    }

    /// <summary>Checks that a file that nobody has named leads to one context: the flag's, or else the current one.</summary>
    /// <returns>What announces it, with the namespaces that it leads to; null if it was named.</returns>
    /// <exception cref="FileException">It leads elsewhere.</exception>
    /// <exception cref="ClusterException">The kubeconfig cannot be read.</exception>
    public static OutputEvent? CheckContexts(RunFile file, IReadOnlyCollection<RunFileForward> forwards, ForwardFlags flags, ParseResult parsed)
    {
        if (file.IsNamed)
        {
            return null;
        }

        var kubeconfig = MergedKubeconfig.Load(Value(flags.Kubeconfig, parsed));
        string? named = Value(flags.Context, parsed);
        string? context = named ?? kubeconfig.CurrentContext;
        FoundFileRules.CheckContexts(file, context, named);
        string usual = Value(flags.Namespace, parsed) ?? file.Namespace?.Shown ?? (context is null ? null : kubeconfig.Context(context)?.Text("namespace")) ?? "default";
        return UserMessages.FileUsed(file.Path, context, [.. forwards.Select(forward => forward.Namespace?.Shown ?? usual).Distinct(StringComparer.Ordinal)]);
    }

    private static RunFileForward[] Choose(RunFile file, IReadOnlyList<string> names)
    {
        foreach (string name in names)
        {
            string[] known = [.. file.Forwards.Select(static forward => forward.Name), .. file.Groups];
            if (!known.Contains(name))
            {
                throw new UsageException(Nearest.Of(name, known) is { } near
                    ? $"{file.Path} has no forward or group {name}: did you mean {near}?"
                    : $"{file.Path} has no forward or group {name}: it has {string.Join(", ", known.Take(10))}{(known.Length > 10 ? " and others" : "")}");
            }
        }

        return [.. file.Forwards.Where(forward => names.Count == 0 || forward.Groups.Append(forward.Name).Intersect(names, StringComparer.Ordinal).Any())];
    }

    /// <summary>An empty value is no value, as for kubectl.</summary>
    private static string? Value(Option<string> flag, ParseResult parsed) => parsed.GetValue(flag) is { Length: > 0 } text ? text : null;
}
