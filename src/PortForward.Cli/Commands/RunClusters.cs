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
    public static RunClusters Connect(ForwardFlags flags, ParseResult parsed, ForwardArguments arguments, ILoggerFactory loggers)
    {
        string?[] contexts = [.. arguments.Targets.Select(static target => target.Context).Distinct(StringComparer.Ordinal)];
        var clusters = new List<(ClusterClient, string?)>();
        foreach (string? context in contexts)
        {
            clusters.Add(ClusterFlags.Connect(flags, parsed, arguments, context, loggers));
        }

        return new RunClusters(clusters, [.. arguments.Targets.Select(target => Array.IndexOf(contexts, target.Context))]);
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
        foreach ((ClusterClient client, _) in _clusters)
        {
            client.Tunnels.Most = Math.Max(1, maxTunnels / _clusters.Count);
        }
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(_clusters.Select(static cluster => cluster.Client.DisposeAsync().AsTask()));
}
