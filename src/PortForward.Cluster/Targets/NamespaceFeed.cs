using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;
using PortForward.IO;

namespace PortForward.Cluster.Targets;

/// <summary>The pods of a whole namespace, watched once for several targets.</summary>
/// <param name="api">The client.</param>
/// <param name="namespace">The namespace.</param>
/// <param name="mayWatch">Whether they are watched; if not, they are listed again and again.</param>
/// <param name="pollInterval">How often.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For diagnostics; none if null.</param>
internal sealed class NamespaceFeed(ApiClient api, string @namespace, bool mayWatch, TimeSpan pollInterval, TimeProvider time, ILogger? logger)
{
    /// <summary>How often the watch is begun anew at most.</summary>
    private static readonly TimeSpan RenewInterval = TimeSpan.FromSeconds(2);

    /// <summary>How long a list may take before a renewal begins it anew.</summary>
    private static readonly TimeSpan ListPatience = TimeSpan.FromSeconds(10);

    private readonly AsyncSignal _changed = new();

    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();
    private IReadOnlyCollection<Pod>? _pods;
    private Exception? _end;
    private ListWatch<Pod>? _watch;
    private bool _isOver;
    private CancellationTokenSource? _watching;
    private long _beganAt;
    private volatile bool _hasBrought;
    private volatile ClusterException? _passing;

    /// <summary>What keeps the feed from the API server at the moment, or null.</summary>
    public ClusterException? Fault => _watch?.Fault ?? _passing;

    /// <summary>Follows the pods until it is cancelled, or cannot; those who follow it are told.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await WatchAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Change(() => _end = e);
        }
    }

    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        var restarts = new RestartBackoff(time, TimeSpan.FromSeconds(1));
        while (!cancellationToken.IsCancellationRequested)
        {
            restarts.Begin();
            using var watching = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            lock (_gate)
            {
                _watching = watching;
                _beganAt = time.GetTimestamp();
                _hasBrought = false;
            }

            try
            {
                _watch = new ListWatch<Pod>(api, ApiResources.Pods, @namespace, ApiSelection.All, time, logger)
                {
                    MayWatch = mayWatch,
                    PollInterval = pollInterval,
                    IsOnePageAtMost = true,
                };
                await foreach (IReadOnlyCollection<Pod> pods in _watch.FollowAsync(watching.Token).ConfigureAwait(false))
                {
                    _hasBrought = true;
                    _passing = null;
                    Change(() => _pods = pods);
                }

                Change(() => _isOver = true);
                return;
            }
            catch (OperationCanceledException) when (watching.IsCancellationRequested)
            {
                // It ends, or begins anew.
            }
            catch (ClusterException passing) when (_pods is not null && ListWatch<Pod>.IsPassing(passing))
            {
                _passing = passing;
                await Task.Delay(restarts.End(), time, watching.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            finally
            {
                lock (_gate)
                {
                    _watching = null;
                }
            }
        }
    }

    /// <summary>Begins the watch anew: its connection may be dead. What is known counts meanwhile.</summary>
    public void Renew()
    {
        lock (_gate)
        {
            if (time.GetElapsedTime(_beganAt) >= (_hasBrought ? RenewInterval : ListPatience))
            {
                _ = _watching?.CancelAsync();
            }
        }
    }

    /// <summary>The pods of one target, as soon as they are known and after each change of them. Ends when the namespace has too many pods to be followed.</summary>
    /// <exception cref="ClusterException">The pods cannot be followed.</exception>
    public async IAsyncEnumerable<IReadOnlyCollection<Pod>> FollowAsync(TargetObject target, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<Pod>? last = null;
        while (true)
        {
            Task changed = _changed.Next;
            IReadOnlyCollection<Pod>? pods;
            lock (_gate)
            {
                if (_end is not null)
                {
                    ExceptionDispatchInfo.Throw(_end);
                }

                if (_isOver)
                {
                    yield break;
                }

                pods = _pods;
            }

            if (pods is not null)
            {
                List<Pod> own = [.. pods.Where(target.Selects)];
                if (last is null || !own.SequenceEqual(last, ReferenceEqualityComparer.Instance))
                {
                    last = own;
                    yield return own;
                }
            }

            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private void Change(Action change)
    {
        lock (_gate)
        {
            change();
        }

        _changed.Signal();
    }
}
