using System.CommandLine;
using System.Text;
using Microsoft.Extensions.Logging;
using PortForward.Cli.Files;
using PortForward.Cluster;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cli.Commands;

/// <summary><c>pf check</c>: whether a file of forwards is right; with <c>--cluster</c> also whether its targets and ports exist.</summary>
internal static class CheckCommand
{
    private const int MaxLookUps = 16;

    /// <summary>Checks the file.</summary>
    /// <param name="flags">The flags.</param>
    /// <param name="parsed">Their values.</param>
    /// <param name="words">The words behind the command.</param>
    /// <param name="print">Prints a text, and gives the exit code for that.</param>
    /// <param name="loggers">For diagnostics.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="FileException">Something is wrong with it.</exception>
    /// <exception cref="ClusterException">With <c>--cluster</c>: the kubeconfig leads to no cluster.</exception>
    public static async Task<int> RunAsync(ForwardFlags flags, ParseResult parsed, IReadOnlyList<string> words, Func<string, int> print, ILoggerFactory loggers)
    {
        if (words is [var unwanted, ..])
        {
            throw new UsageException($"pf check takes no name, and {unwanted} is one: it checks the whole file; -f names another");
        }

        RunFile file = RunFileTargets.Load(flags, parsed);
        bool asksCluster = parsed.GetResult(flags.Cluster) is not null;
        if (asksCluster || (!file.IsNamed && CurrentContext(flags, parsed) is not null))
        {
            RunFileTargets.CheckContexts(file, file.Forwards, flags, parsed);
        }

        if (asksCluster)
        {
            await AskAsync(file, flags, parsed, loggers);
        }

        return print(Describe(file, asksCluster));
    }

    /// <summary>The current context; null where there is no kubeconfig that can be read, since none is needed.</summary>
    private static string? CurrentContext(ForwardFlags flags, ParseResult parsed)
    {
        try
        {
            return MergedKubeconfig.Load(parsed.GetValue(flags.Kubeconfig)).CurrentContext;
        }
        catch (ClusterException)
        {
            return null;
        }
    }

    private static async Task AskAsync(RunFile file, ForwardFlags flags, ParseResult parsed, ILoggerFactory loggers)
    {
        var arguments = ForwardArguments.Read(RunFileTargets.Of(file, file.Forwards, flags, parsed), flags, parsed, []);
        await using RunClusters clusters = await RunClusters.ConnectAsync(flags, parsed, arguments, loggers);
        string?[] wrong = new string?[file.Forwards.Count];
        IReadOnlyList<ForwardDefinition> definitions = arguments.Define(static (_, options) => options);
        await Parallel.ForAsync(0, wrong.Length, new ParallelOptions { MaxDegreeOfParallelism = MaxLookUps }, async (index, cancellationToken) =>
        {
            try
            {
                await clusters.CheckAsync(index, definitions[index], cancellationToken);
            }
            catch (ClusterException e)
            {
                wrong[index] = $"{file.Path}:{file.Forwards[index].At}: {file.Forwards[index].Name}: {e.Message}";
            }
        });
        if (wrong.OfType<string>().ToArray() is { Length: > 0 } lines)
        {
            throw new FileException(lines);
        }
    }

    private static string Describe(RunFile file, bool hasAsked)
    {
        const int MaxNames = 10;
        string[] names = [.. file.Forwards.Select(static forward => forward.Name)];
        var text = new StringBuilder($"{file.Path}: {(names.Length == 1 ? "1 forward" : $"{names.Length} forwards")} ({string.Join(", ", names.Take(MaxNames))}{(names.Length > MaxNames ? ", ..." : "")})");
        text.Append(file.Context is null ? "" : $", context {file.Context.Shown}").Append(file.Namespace is null ? "" : $", namespace {file.Namespace.Shown}");
        return UntrustedText.Escaped(text.Append(hasAsked ? ": no mistakes, and the cluster has them" : ": no mistakes").ToString(), int.MaxValue);
    }
}
