using System.Net;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>The pods of a service without a selector: those of its namespace that its endpoint slices lead to, at once and after each change of either.</summary>
/// <param name="api">The client.</param>
/// <param name="target">The service.</param>
/// <param name="pods">The pods of its namespace.</param>
/// <param name="isStarting">Whether a service that leads to no pod, and will not by itself, is refused.</param>
/// <param name="watches">How many watches of slices there may be; no limit if null.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For diagnostics; none if null.</param>
internal sealed class EndpointFeed(
    ApiClient api, TargetObject target, IPodFeed pods, bool isStarting, WatchLimit? watches, TimeProvider time, ILogger? logger) : IPodFeed
{
    private const string ServiceLabel = "kubernetes.io/service-name";

    /// <summary>How often slices are listed that the user may not watch.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    /// <summary>How often they are listed if there are too many watches: so many forwards must not burden the server.</summary>
    private static readonly TimeSpan CrowdedPollInterval = TimeSpan.FromSeconds(5);

    private ListWatch<EndpointSlice>? _slices;
    private volatile OutsideEndpoint? _outside;

    /// <inheritdoc/>
    public ClusterException? Fault => _slices?.Fault ?? pods.Fault;

    /// <inheritdoc/>
    public OutsideEndpoint? Outside => _outside;

    /// <inheritdoc/>
    public async IAsyncEnumerable<IReadOnlyCollection<Pod>> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bool isCounted = !isStarting && watches?.TryTake() == true; // A start does not last, and takes no place from what does.
        bool mayWatch = isStarting || isCounted || watches is null;
        _slices = new ListWatch<EndpointSlice>(
            api, ApiResources.EndpointSlices, target.Namespace, new ApiSelection($"{ServiceLabel}={target.Reference.Name}"), time, logger)
        {
            MayWatch = mayWatch,
            PollInterval = mayWatch ? PollInterval : CrowdedPollInterval,
        };
        var slices = new Latest<EndpointSlice>(_slices.FollowAsync(over.Token), over.Token);
        var all = new Latest<Pod>(pods.FollowAsync(over.Token), over.Token);
        try
        {
            // One after the other, so that a pod to whose address a slice leads is among the pods.
            await AllowRefusalAsync(slices.Change).ConfigureAwait(false);
            slices.Take();
            if (isStarting && slices.Items.Count == 0)
            {
                throw TargetObject.WithoutSelector(target.Reference.Name);
            }

            await all.Change.ConfigureAwait(false);
            all.Take();
            for (bool isFirst = true; ; isFirst = false)
            {
                EndpointChoice choice = EndpointChoice.Of(slices.Items, all.Items, target.Namespace);
                _outside = choice.Outside;
                if (isStarting && isFirst && choice.Outside is { } outside)
                {
                    throw new ClusterException($"{target.Reference} goes to {outside.Where}: {outside.Advice}");
                }

                yield return choice.Pods;
                await (await Task.WhenAny(slices.Change, all.Change).ConfigureAwait(false)).ConfigureAwait(false);
                slices.Take();
                all.Take();
            }
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            await slices.DisposeAsync().ConfigureAwait(false);
            await all.DisposeAsync().ConfigureAwait(false);
            if (isCounted)
            {
                watches!.GiveBack();
            }
        }
    }

    /// <summary>A user who may not list the slices, or a server that has none, is told what kubectl says of such a service.</summary>
    private async Task AllowRefusalAsync(Task listing)
    {
        try
        {
            await listing.ConfigureAwait(false);
        }
        catch (ClusterException refused) when (refused.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed)
        {
            throw TargetObject.WithoutSelector(target.Reference.Name, refused);
        }
    }

    /// <summary>The latest state of what is followed.</summary>
    private sealed class Latest<T>(IAsyncEnumerable<IReadOnlyCollection<T>> states, CancellationToken cancellationToken) : IAsyncDisposable
    {
        private readonly IAsyncEnumerator<IReadOnlyCollection<T>> _states = states.GetAsyncEnumerator(cancellationToken);
        private Task? _change;

        /// <summary>The state that was taken last.</summary>
        public IReadOnlyCollection<T> Items { get; private set; } = [];

        /// <summary>Completes when there is another state to take, and faults when there will be none.</summary>
        public Task Change => _change ??= MoveAsync();

        /// <summary>Takes the next state if there is one.</summary>
        public void Take()
        {
            if (_change is { IsCompletedSuccessfully: true })
            {
                Items = _states.Current;
                _change = null;
            }
        }

        public async ValueTask DisposeAsync()
        {
            await (_change ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _states.DisposeAsync().ConfigureAwait(false);
        }

        private async Task MoveAsync()
        {
            if (!await _states.MoveNextAsync().ConfigureAwait(false))
            {
                throw new InvalidOperationException("what is followed has ended by itself");
            }
        }
    }
}
