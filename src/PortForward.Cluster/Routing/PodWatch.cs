using System.Net;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Routing;

/// <summary>What is known of a target's pods, kept up to date for as long as a forward runs and as far as the user's rights go.</summary>
/// <param name="api">For what is read beside the pods.</param>
/// <param name="feeds">For the pods.</param>
/// <param name="target">The target.</param>
/// <param name="time">The clock.</param>
internal sealed class PodWatch(ApiClient api, PodFeeds feeds, TargetObject target, TimeProvider time)
{
    /// <summary>When to ask again for pods that may not be read: an API server that has only just started may refuse for a moment what it allows.</summary>
    private static readonly TimeSpan RefusedWait = TimeSpan.FromSeconds(30);

    /// <summary>How long a look-up may take. One that began on a dead network hangs on after it is back.</summary>
    public static readonly TimeSpan LookUpTimeout = TimeSpan.FromSeconds(10);

    /// <summary>How often the pods are read anew at most.</summary>
    private static readonly TimeSpan RenewInterval = TimeSpan.FromSeconds(2);

    private readonly ApiClient _api = api.WithTimeout(LookUpTimeout);
    private readonly Lock _gate = new();
    private CancellationTokenSource? _feeding;
    private long _fedAt;

    /// <summary>The target as it was read last.</summary>
    public TargetObject Target { get; private set; } = target;

    /// <summary>The target's pods; null as long as nothing is known, or when the rights do not suffice.</summary>
    public IReadOnlyCollection<Pod>? Pods { get; private set; }

    /// <summary>Where the target leads, if it leads to no pod of its namespace; null otherwise.</summary>
    public OutsideEndpoint? Outside { get; private set; }

    /// <summary>Whether the target itself does not exist any more.</summary>
    public bool IsTargetGone { get; private set; }

    /// <summary>All that is known now.</summary>
    public TargetSnapshot Snapshot => new(Target, Pods, IsTargetGone) { Outside = Outside };

    /// <summary>Follows the pods until it is cancelled.</summary>
    /// <param name="onChanged">Called after each change.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task RunAsync(Action onChanged, CancellationToken cancellationToken)
    {
        var restarts = new RestartBackoff(time, TimeSpan.FromSeconds(1));
        while (!cancellationToken.IsCancellationRequested)
        {
            restarts.Begin();
            using var feeding = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            TargetObject fed;
            lock (_gate)
            {
                _feeding = feeding;
                _fedAt = time.GetTimestamp();
                fed = Target;
            }

            try
            {
                IPodFeed feed = feeds.Of(fed);
                await foreach (IReadOnlyCollection<Pod> pods in feed.FollowAsync(feeding.Token).ConfigureAwait(false))
                {
                    Outside = feed.Outside;
                    Pods = pods;
                    onChanged();
                }
            }
            catch (OperationCanceledException) when (feeding.IsCancellationRequested)
            {
                // It ends, or begins anew with another selector.
            }
            catch (ClusterException missing) when (missing.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.MethodNotAllowed)
            {
                Pods = null;
                Outside = null;
                onChanged();
                await Task.Delay(RefusedWait, time, feeding.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (ClusterException)
            {
                await Task.Delay(restarts.End(), time, feeding.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            finally
            {
                lock (_gate)
                {
                    _feeding = null;
                }
            }
        }
    }

    /// <summary>Restarts the watch at once: its connection may be dead, or its wait be in vain.</summary>
    public void Renew()
    {
        lock (_gate)
        {
            if (time.GetElapsedTime(_fedAt) >= RenewInterval)
            {
                feeds.Renew(Target.Namespace);
                _feeding?.Cancel();
            }
        }
    }

    /// <summary>Whether a pod that is no pod of the target any more does not exist or has ended. False also when the server does not tell.</summary>
    public async Task<bool> IsGoneAsync(string name, string uid, CancellationToken cancellationToken)
    {
        try
        {
            Pod pod = await _api.GetAsync(ApiResources.Pods, Target.Namespace, name, cancellationToken).ConfigureAwait(false);
            return PodFacts.UidOf(pod) != uid || PodFacts.IsOver(pod);
        }
        catch (ClusterException e)
        {
            return e.IsObjectMissing;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Reads the target again: whether it is still there, and whether it selects other pods now.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        try
        {
            TargetObject read = await TargetObject.ReadAsync(_api, Target.Reference, Target.Namespace, cancellationToken).ConfigureAwait(false);
            bool selectsOthers = read.Selector != Target.Selector;
            Target = read;
            IsTargetGone = false;
            if (selectsOthers)
            {
                lock (_gate)
                {
                    _feeding?.Cancel();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The forward was stopped.
        }
        catch (ClusterException gone) when (gone.IsObjectMissing)
        {
            IsTargetGone = true;
        }
        catch (ClusterException)
        {
            // What was read before counts until the server answers again.
        }
    }
}
