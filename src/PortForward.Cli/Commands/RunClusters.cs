using System.CommandLine;
using Microsoft.Extensions.Logging;
using PortForward.Cluster;

namespace PortForward.Cli.Commands;

/// <summary>The clusters that the forwards of a run lead to: a client for each context, and usually one.</summary>
internal sealed class RunClusters : IAsyncDisposable
{
    private readonly IReadOnlyList<(ClusterClient Client, string? Context)> _clusters;
    private readonly int[] _byTarget;

    private RunClusters(IReadOnlyList<(ClusterClient Client, string? Context)> clusters, int[] byTarget)
    {
        _clusters = clusters;
        _byTarget = byTarget;
    }

    /// <summary>Prepares a client for each context; nothing is sent yet.</summary>
    /// <exception cref="ClusterException">Flags and kubeconfig do not lead to a cluster.</exception>
    /// <exception cref="UsageException">A flag is malformed.</exception>
    public static async Task<RunClusters> ConnectAsync(ForwardFlags flags, ParseResult parsed, ForwardArguments arguments, ILoggerFactory loggers)
    {
        var clusters = new List<(ClusterClient Client, string? Context)>();
        var byContext = new Dictionary<(bool IsNamed, string? Name), int>();
        try
        {
            foreach (string? context in arguments.Targets.Select(static target => target.Context).Distinct(StringComparer.Ordinal))
            {
                (ClusterClient client, string? used) = ClusterFlags.Connect(flags, parsed, arguments, context, loggers);
                clusters.Add((client, used));
                byContext[(context is not null, context)] = clusters.FindIndex(other => other.Context == used); // The current one may be named, too.
            }
        }
        catch
        {
            await Task.WhenAll(clusters.Select(static cluster => cluster.Client.DisposeAsync().AsTask()));
            throw;
        }

        return new RunClusters(clusters, [.. arguments.Targets.Select(target => byContext[(target.Context is not null, target.Context)])]);
    }

    /// <summary>The context of a target, by its number; null if there is none.</summary>
    public string? ContextOf(int target) => _clusters[_byTarget[target]].Context;

    /// <summary>Creates the forwards, which are not started yet.</summary>
    public ForwardSet Prepare(IReadOnlyList<ForwardDefinition> definitions) =>
        ClusterClient.Prepare([.. definitions.Select((definition, index) => (_clusters[_byTarget[index]].Client, definition))]);

    /// <summary>Checks, without forwarding anything, that a target and its ports exist.</summary>
    /// <exception cref="ClusterException">They do not, or it cannot be looked up.</exception>
    public Task CheckAsync(int target, ForwardDefinition definition, CancellationToken cancellationToken) =>
        _clusters[_byTarget[target]].Client.CheckAsync(definition, cancellationToken);

    /// <summary>Divides what tunnels there may be.</summary>
    public void Limit(int maxTunnels)
    {
        int[] used = [.. _byTarget.Distinct()];
        foreach (int cluster in used)
        {
            _clusters[cluster].Client.Tunnels.Most = Math.Max(1, maxTunnels / used.Length);
        }
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(_clusters.Select(static cluster => cluster.Client.DisposeAsync().AsTask()));
}
