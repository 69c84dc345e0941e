using System.Net;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>
/// How the pods of all targets of a server are followed. Each watch takes a connection for as long as it lasts: a target has one of its own, several targets of a
/// namespace share one, and beyond a limit pods are listed again and again instead.
/// </summary>
/// <param name="api">The client.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For diagnostics; none if null.</param>
internal sealed class PodFeeds(ApiClient api, TimeProvider time, ILogger? logger) : IAsyncDisposable
{
    /// <summary>How many targets of a namespace share a watch. Fewer are told less if each is told of its own pods only.</summary>
    public const int TargetsToShare = 4;

    /// <summary>How many services without a selector have a watch of their endpoint slices; those of further ones are polled.</summary>
    private const int MostSliceWatches = 8;

    /// <summary>How many watches there are at most.</summary>
    public const int MostWatches = 16;

    /// <summary>How often pods are read that are not watched.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(5);

    /// <summary>The same while a start waits for a pod.</summary>
    private static readonly TimeSpan StartPollInterval = TimeSpan.FromSeconds(1);

    /// <summary>After how long a target whose pods are not watched asks again whether they may be.</summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromMinutes(1);

    /// <summary>Guards the fields below it, and the namespaces.</summary>
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Followed> _namespaces = new(StringComparer.Ordinal);
    private readonly List<Task> _shared = [];

    private readonly WatchLimit _watches = new(MostWatches);

    /// <summary>Slices have a limit of their own, so that the pods of all other targets are watched all the same.</summary>
    private readonly WatchLimit _sliceWatches = new(MostSliceWatches);

    /// <summary>How many watches there are.</summary>
    public int Watches => _watches.Count;

    /// <summary>Prepares for targets that will be followed soon, so that they share a watch from the first one on if they are enough.</summary>
    /// <param name="namespace">Their namespace.</param>
    /// <param name="targets">How many there will be.</param>
    /// <returns>To be disposed once they are followed, or will not be.</returns>
    public IDisposable Expect(string @namespace, int targets)
    {
        lock (_gate)
        {
            Followed followed = Enter(@namespace, targets: 0);
            followed.Expect(targets);
            return new Expectation(this, followed, targets);
        }
    }

    /// <summary>The pods of a target, for as long as it is followed.</summary>
    public IPodFeed Of(TargetObject target) => For(target, isStarting: false);

    /// <summary>The pods of a target that waits for one. It shares a watch only with those it is started with: what an older one knows may be out of date.</summary>
    public IPodFeed OfStarting(TargetObject target) => For(target, isStarting: true);

    /// <summary>Waits until nothing is asked of the server any more. All that was followed must have ended.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] shared;
        lock (_gate)
        {
            shared = [.. _shared];
        }

        await Task.WhenAll(shared).ConfigureAwait(false);
    }

    /// <summary>Begins the watch that targets of a namespace share anew, if there is one: its connection may be dead.</summary>
    public void Renew(string @namespace)
    {
        lock (_gate)
        {
            _namespaces.GetValueOrDefault(@namespace)?.Shared?.Renew();
        }
    }

    private IPodFeed For(TargetObject target, bool isStarting)
    {
        var pods = new TargetFeed(this, target, isStarting);
        return target.HasSlices ? new EndpointFeed(api, target, pods, isStarting, _sliceWatches, time, logger) : pods;
    }

    private Followed Enter(string @namespace, int targets)
    {
        lock (_gate)
        {
            if (!_namespaces.TryGetValue(@namespace, out Followed? followed))
            {
                _namespaces.Add(@namespace, followed = new Followed(@namespace));
            }

            followed.Users++;
            bool wasDue = followed.IsSharingDue;
            followed.Targets += targets;
            if (followed.IsSharingDue && !wasDue)
            {
                followed.ChooseAgain();
            }

            return followed;
        }
    }

    private void Leave(Followed followed, int targets)
    {
        lock (_gate)
        {
            followed.Targets -= targets;
            if (--followed.Users == 0)
            {
                followed.EndSharing();
                followed.Dispose();
                _namespaces.Remove(followed.Namespace);
            }
        }
    }

    private void EndExpectation(Followed followed, int targets)
    {
        lock (_gate)
        {
            followed.Expected(targets);
            Leave(followed, targets: 0);
        }
    }

    /// <summary>The way in which a target is followed now.</summary>
    private Way Choose(Followed followed, TargetObject target, bool isStarting, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (followed is { Shared: not null, IsWatched: false } && _watches.IsFree)
            {
                followed.EndSharing();
                followed.ChooseAgain();
            }

            if (followed is { IsSharingDue: true, Shared: null })
            {
                BeginSharing(followed);
            }

            if (followed.Shared is { } shared && (!isStarting || followed.IsExpecting))
            {
                var later = new CancellationTokenSource(followed.IsWatched ? Timeout.InfiniteTimeSpan : AskAgain, time);
                return new Way(until => shared.FollowAsync(target, until), () => shared.Fault, [followed.Chosen, later.Token, cancellationToken])
                {
                    Shared = shared,
                    OnEnd = later.Dispose,
                };
            }

            bool mayWatch = _watches.TryTake();
            var own = new PodFeed(api, target, time, logger) { MayWatch = mayWatch, PollInterval = isStarting ? StartPollInterval : PollInterval };
            if (mayWatch)
            {
                return new Way(own.FollowAsync, () => own.Fault, [followed.Chosen, cancellationToken]) { OnEnd = _watches.GiveBack };
            }

            var again = new CancellationTokenSource(AskAgain, time);
            return new Way(own.FollowAsync, () => own.Fault, [followed.Chosen, again.Token, cancellationToken]) { OnEnd = again.Dispose };
        }
    }

    private void BeginSharing(Followed followed)
    {
        bool mayWatch = _watches.TryTake();
        var feed = new NamespaceFeed(api, followed.Namespace, mayWatch, PollInterval, time, logger);
        var stop = new CancellationTokenSource();
        followed.Shared = feed;
        followed.IsWatched = mayWatch;
        followed.Stop = stop;
        _shared.RemoveAll(static task => task.IsCompleted);
        _shared.Add(Task.Run(async () =>
        {
            await feed.RunAsync(stop.Token).ConfigureAwait(false);
            if (mayWatch)
            {
                _watches.GiveBack();
            }
        }));
    }

    /// <summary>The shared watch cannot go on.</summary>
    private void EndSharing(Followed followed, NamespaceFeed shared, bool mayShare)
    {
        lock (_gate)
        {
            if (followed.Shared == shared)
            {
                followed.EndSharing();
                followed.MayShare = mayShare;
            }
        }
    }

    /// <summary>The pods of one target, in the way that is right at the time.</summary>
    private sealed class TargetFeed(PodFeeds feeds, TargetObject target, bool isStarting) : IPodFeed
    {
        private volatile Way? _way;

        public ClusterException? Fault => _way?.Fault;

        public async IAsyncEnumerable<IReadOnlyCollection<Pod>> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            int targets = isStarting ? 0 : 1;
            Followed followed = feeds.Enter(target.Namespace, targets);
            try
            {
                while (true)
                {
                    using Way way = feeds.Choose(followed, target, isStarting, cancellationToken);
                    _way = way;
                    IAsyncEnumerator<IReadOnlyCollection<Pod>> pods = way.Follow();
                    await using (pods.ConfigureAwait(false))
                    {
                        while (await NextAsync(pods, way, followed, cancellationToken).ConfigureAwait(false))
                        {
                            yield return pods.Current;
                        }
                    }
                }
            }
            finally
            {
                feeds.Leave(followed, targets);
            }
        }

        /// <summary>Waits for the next state of the pods; false if another way is to be chosen.</summary>
        private async Task<bool> NextAsync(IAsyncEnumerator<IReadOnlyCollection<Pod>> pods, Way way, Followed followed, CancellationToken cancellationToken)
        {
            try
            {
                if (await pods.MoveNextAsync().ConfigureAwait(false))
                {
                    return true;
                }

                // There are too many pods to tell each target of all of them.
                feeds.EndSharing(followed, way.Shared!, mayShare: false);
            }
            catch (OperationCanceledException) when (way.IsOver && !cancellationToken.IsCancellationRequested)
            {
                // Another way is due.
            }
            catch (ClusterException fault) when (way.Shared is not null)
            {
                // Without the right to list all pods of the namespace there may still be one for the target's own.
                bool isRefused = fault.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.MethodNotAllowed;
                feeds.EndSharing(followed, way.Shared, mayShare: !isRefused);
                if (!isRefused)
                {
                    throw;
                }
            }

            catch (Exception e) when (way.Shared is not null && e is not OperationCanceledException)
            {
                // A fault of the watch itself: the next one begins anew.
                feeds.EndSharing(followed, way.Shared, mayShare: true);
                throw;
            }

            return false;
        }
    }

    /// <summary>A namespace of which targets are followed. Guarded by the gate.</summary>
    private sealed class Followed(string @namespace) : IDisposable
    {
        private CancellationTokenSource _chosen = new();
        private int _expected;

        /// <summary>How many will be followed once those that are expected are.</summary>
        private int _expectedTotal;

        public string Namespace => @namespace;

        /// <summary>How many targets of it are followed.</summary>
        public int Targets { get; set; }

        /// <summary>How many use this, those included that are only starting or expected.</summary>
        public int Users { get; set; }

        /// <summary>Whether targets are being started that will be followed then.</summary>
        public bool IsExpecting => _expected > 0;

        /// <summary>Whether they may share a watch.</summary>
        public bool MayShare { get; set; } = true;

        /// <summary>Whether they share a watch, or the next one that asks begins it.</summary>
        public bool IsSharingDue => Shared is not null || (MayShare && Math.Max(Targets, _expectedTotal) >= TargetsToShare);

        /// <summary>The watch that they share; null if they do not.</summary>
        public NamespaceFeed? Shared { get; set; }

        /// <summary>Whether it is a watch, and not a list that is read again and again.</summary>
        public bool IsWatched { get; set; }

        /// <summary>Ends it.</summary>
        public CancellationTokenSource? Stop { get; set; }

        /// <summary>Cancelled when another way is to be chosen.</summary>
        public CancellationToken Chosen => _chosen.Token;

        /// <summary>So many more targets will be followed.</summary>
        public void Expect(int targets)
        {
            _expectedTotal = Math.Max(_expectedTotal, Targets) + targets;
            _expected += targets;
        }

        /// <summary>So many are followed now, or will not be.</summary>
        public void Expected(int targets)
        {
            _expected -= targets;
            _expectedTotal = _expected == 0 ? 0 : _expectedTotal - targets;
        }

        public void ChooseAgain()
        {
            _ = _chosen.CancelAsync();
            _chosen = new CancellationTokenSource();
        }

        public void EndSharing()
        {
            _ = Stop?.CancelAsync();
            Stop = null;
            Shared = null;
        }

        /// <summary>Nobody follows a target of it any more.</summary>
        public void Dispose() => _chosen.Dispose();
    }

    /// <summary>A way in which a target is followed, until one of the tokens is cancelled.</summary>
    private sealed class Way(
        Func<CancellationToken, IAsyncEnumerable<IReadOnlyCollection<Pod>>> follow, Func<ClusterException?> fault, CancellationToken[] ends) : IDisposable
    {
        private readonly CancellationTokenSource _end = CancellationTokenSource.CreateLinkedTokenSource(ends);

        /// <summary>The watch, if it is one that targets share.</summary>
        public NamespaceFeed? Shared { get; init; }

        public Action? OnEnd { get; init; }

        public ClusterException? Fault => fault();

        public bool IsOver => ends.Any(static end => end.IsCancellationRequested);

        public IAsyncEnumerator<IReadOnlyCollection<Pod>> Follow() => follow(_end.Token).GetAsyncEnumerator(_end.Token);

        public void Dispose()
        {
            OnEnd?.Invoke();
            _end.Dispose();
        }
    }

    /// <summary>Targets that will be followed.</summary>
    private sealed class Expectation(PodFeeds feeds, Followed followed, int targets) : IDisposable
    {
        private int _isDisposed;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
            {
                feeds.EndExpectation(followed, targets);
            }
        }
    }
}
