using System.Net;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>
/// A target's pods as they are now, at once and after each change. It asks for no more rights than kubectl: without the right to watch it lists
/// again and again, and for a single pod without the right to list it reads that pod again and again.
/// </summary>
internal sealed class PodFeed(ApiClient api, TargetObject target, TimeProvider time, ILogger? logger = null) : IPodFeed
{
    /// <summary>A list costs the server more than one pod, so it is not read as often.</summary>
    private static readonly TimeSpan ShortestListInterval = TimeSpan.FromSeconds(2);

    private ListWatch<Pod>? _watch;
    private ClusterException? _fault;

    /// <summary>How often a pod is read that may not be watched; every second, unless set otherwise. Several are listed every two seconds at most.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Whether the pods are watched, which they are unless set otherwise. If not, they are read again and again.</summary>
    public bool MayWatch { get; init; } = true;

    /// <inheritdoc/>
    public ClusterException? Fault => _fault ?? _watch?.Fault;

    /// <inheritdoc/>
    public async IAsyncEnumerable<IReadOnlyCollection<Pod>> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        bool mayList = true;
        _watch = new ListWatch<Pod>(api, ApiResources.Pods, target.Namespace, target.PodSelection, time, logger)
        {
            PollInterval = PollInterval > ShortestListInterval ? PollInterval : ShortestListInterval,
            MayWatch = MayWatch,
        };
        IAsyncEnumerator<IReadOnlyCollection<Pod>> lists = _watch.FollowAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (lists.ConfigureAwait(false))
        {
            while (mayList)
            {
                try
                {
                    await lists.MoveNextAsync().ConfigureAwait(false);
                }
                catch (ClusterException refused) when (target.IsPod && refused.StatusCode == HttpStatusCode.Forbidden)
                {
                    mayList = false;
                    continue;
                }

                yield return lists.Current;
            }
        }

        while (true)
        {
            if (await PollAsync(cancellationToken).ConfigureAwait(false) is { } pods)
            {
                yield return pods;
            }

            await Task.Delay(PollInterval, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The pod, none when there is none, or null when the server did not tell.</summary>
    private async Task<IReadOnlyCollection<Pod>?> PollAsync(CancellationToken cancellationToken)
    {
        try
        {
            IReadOnlyCollection<Pod> pods = [await api.GetAsync(ApiResources.Pods, target.Namespace, target.Reference.Name, cancellationToken).ConfigureAwait(false)];
            _fault = null;
            return pods;
        }
        catch (ClusterException gone) when (gone.IsObjectMissing)
        {
            _fault = null;
            return [];
        }
        catch (ClusterException passing) when (ListWatch<Pod>.IsPassing(passing))
        {
            _fault = passing;
            return null;
        }
    }
}
