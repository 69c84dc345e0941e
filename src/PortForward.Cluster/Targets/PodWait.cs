using Microsoft.Extensions.Logging;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>Waits until a target has a running pod. kubectl waits only until there is a pod, and then fails unless that one runs already.</summary>
/// <param name="api">The client.</param>
/// <param name="feeds">The feeds of targets that are started together; none if null.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For diagnostics; none if null.</param>
internal sealed class PodWait(ApiClient api, PodFeeds? feeds, TimeProvider time, ILogger? logger = null)
{
    private bool _isNamespaceKnown;

    /// <summary>The pod that kubectl would choose, as soon as it runs.</summary>
    /// <param name="target">The target.</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="progress">Told whenever the reason for the wait changes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ClusterException">The time is up, no pod will ever run, or the pods may not be read.</exception>
    public async Task<Pod> ForRunningPodAsync(
        TargetObject target, TimeSpan timeout, IProgress<PodWaitProgress>? progress, CancellationToken cancellationToken)
    {
        if (target.Pod is { } named)
        {
            // The look-up has just read it: no second request for a pod that runs.
            if (PodFacts.IsRunning(named))
            {
                return named;
            }

            if (PodFacts.IsOver(named))
            {
                throw NotRunning(named);
            }
        }

        using var deadline = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        IPodFeed feed = (feeds ?? new PodFeeds(api, time, logger)).OfStarting(target);
        PodWaitProgress? last = null;
        if (target.Pod is not null)
        {
            Report([target.Pod]);
        }

        try
        {
            await foreach (IReadOnlyCollection<Pod> pods in feed.FollowAsync(either.Token).ConfigureAwait(false))
            {
                if (PodSelection.First(pods) is { } best && PodFacts.IsRunning(best))
                {
                    return best;
                }

                await RefuseWhatIsOverAsync(target, pods, either.Token).ConfigureAwait(false);
                Report(pods);
            }
        }
        catch (OperationCanceledException late) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw TimedOut(late);
        }

        throw new InvalidOperationException("the feed of pods ended by itself");

        void Report(IReadOnlyCollection<Pod> pods)
        {
            PodWaitProgress now = Describe(target, pods);
            if (now == last)
            {
                return;
            }

            last = now;
            progress?.Report(now);
        }

        ClusterException TimedOut(Exception late)
        {
            string why = feed.Fault is { } fault ? fault.Message
                : last is null ? "the server has not told which pods there are"
                : last.PodName is null ? last.Obstacle.ToString() : $"pod {last.PodName} is not running ({last.Obstacle})";
            return new ClusterException($"timed out waiting for {target.Reference} after {GoDuration.Format(timeout)}: {why}", late);
        }
    }

    /// <summary>What has come to its end is not waited for, nor is a pod in a namespace that does not exist.</summary>
    private async Task RefuseWhatIsOverAsync(TargetObject target, IReadOnlyCollection<Pod> pods, CancellationToken cancellationToken)
    {
        if (!pods.All(PodFacts.IsOver))
        {
            return;
        }

        switch (target.Reference.Kind)
        {
            case TargetKind.Pod when pods.Count > 0:
                throw NotRunning(pods.First());
            case TargetKind.Selector when pods.Count == 0 && !_isNamespaceKnown && target.Namespace != "default":
                // As with an object that is missing: a mistyped namespace is the likelier mistake.
                _isNamespaceKnown = true;
                if (await api.FindMissingNamespaceAsync(target.Namespace, cancellationToken).ConfigureAwait(false) is { } missing)
                {
                    throw missing;
                }

                break;
            case TargetKind.Job:
                // While a failed pod may be tried again, only the job itself knows whether it will be.
                bool finished = target.IsFinished
                    || (pods.Count > 0 && (await TargetObject.ReadAsync(api, target.Reference, target.Namespace, cancellationToken).ConfigureAwait(false)).IsFinished);
                if (!finished)
                {
                    return;
                }

                throw PodSelection.First(pods) is { } pod ? NotRunning(pod) : new ClusterException($"{target.Reference} has finished, and none of its pods is left to forward to");
        }
    }

    private static ClusterException NotRunning(Pod pod)
    {
        PodObstacle obstacle = PodFacts.WhyNotRunning(pod);
        string more = obstacle.Message is null ? "" : $" ({obstacle.Message})";
        return new ClusterException($"unable to forward port because pod is not running. Current status={PodFacts.Phase(pod)}{more}");
    }

    private static PodWaitProgress Describe(TargetObject target, IReadOnlyCollection<Pod> pods)
    {
        Pod? best = PodSelection.First(pods.Where(pod => !PodFacts.IsOver(pod))) ?? PodSelection.First(pods);
        if (best is not null)
        {
            return new PodWaitProgress(target.Reference, PodFacts.NameOf(best), PodFacts.WhyNotRunning(best));
        }

        string why = target.IsPod ? $"there is no pod {target.Reference.Name}"
            : target.IsScaledToZero ? "it is scaled to 0 replicas"
            : target.HasSlices ? "none of its endpoint slices leads to a pod yet"
            : target.Reference.Kind == TargetKind.Selector ? $"no pod of namespace {target.Namespace} matches it"
            : $"no pod matches its selector {target.Selector}";
        return new PodWaitProgress(target.Reference, null, new PodObstacle(why, null));
    }
}
