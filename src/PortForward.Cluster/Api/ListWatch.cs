using System.Net;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Api;

/// <summary>
/// Follows the objects of a collection: lists them once, then watches. Without the right to watch it lists again and again. Lost connections,
/// throttling and versions that are too old are overcome by itself.
/// </summary>
/// <typeparam name="T">The objects' type.</typeparam>
/// <param name="api">The client.</param>
/// <param name="resource">The objects' resource.</param>
/// <param name="namespace">The objects' namespace.</param>
/// <param name="selection">Which objects.</param>
/// <param name="time">The clock for waits; the system's when null.</param>
/// <param name="logger">Where lost watches are told; nowhere when null.</param>
internal sealed partial class ListWatch<T>(
    ApiClient api, ApiResource<T> resource, string @namespace, ApiSelection selection, TimeProvider? time = null, ILogger? logger = null)
    where T : class, IApiObject
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(100);

    /// <summary>After how many lists without a watch the watch is tried again: what was refused once need not be for good.</summary>
    private const int ListsUntilWatch = 12;

    /// <summary>How many watches in a row may begin at one version and bring only a fault before the objects are listed anew: the next event may be the fault.</summary>
    private const int WatchesUntilList = 5;

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly string _collection = resource.ToString();
    private readonly ILogger _logger = logger ?? NullLogger.Instance;

    /// <summary>How often the objects are listed when they may not be watched: every 2 seconds, unless set otherwise.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>After this long without a byte a watch counts as lost: 2 minutes, unless set otherwise. Servers send a bookmark about once a minute.</summary>
    public TimeSpan SilenceLimit { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Whether changes are watched, which they are unless set otherwise. If not, the objects are listed again and again.</summary>
    public bool MayWatch { get; init; } = true;

    /// <summary>Whether a collection of more than one page, which is 500 objects, is not followed: then <see cref="FollowAsync"/> ends before its first result.</summary>
    public bool IsOnePageAtMost { get; init; }

    /// <summary>The last fault, when it still lasts; null while all is well.</summary>
    public ClusterException? Fault { get; private set; }

    /// <summary>
    /// The objects as they are now, at once and after each change. Ends only by cancellation or by an exception, or as <see cref="IsOnePageAtMost"/> says.
    /// </summary>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ClusterException">The first list failed, or a later one was refused for good (the right was lost).</exception>
    public async IAsyncEnumerable<IReadOnlyCollection<T>> FollowAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var objects = new Dictionary<string, T>(StringComparer.Ordinal);
        int unwatched = 0;
        var watches = new RestartBackoff(_time, FirstWait);
        for (bool first = true; ; first = false)
        {
            ApiList<T> list = await ListAsync(first, cancellationToken).ConfigureAwait(false);
            if (list.Continue is not null)
            {
                yield break;
            }

            objects = list.Items.ToDictionary(NameOf, StringComparer.Ordinal);
            yield return [.. objects.Values];

            string? version = list.ResourceVersion;
            bool mayWatch = MayWatch && unwatched == 0;
            for (int fruitless = 0; mayWatch;)
            {
                ClusterException? fault;
                watches.Begin();
                IAsyncEnumerator<ApiEvent<T>> events = api.WatchAsync(resource, @namespace, selection, version, SilenceLimit, cancellationToken)
                    .GetAsyncEnumerator(cancellationToken);
                await using (events.ConfigureAwait(false))
                {
                    while (true)
                    {
                        (ApiEvent<T>? next, fault) = await NextAsync(events).ConfigureAwait(false);
                        if (next is null)
                        {
                            break;
                        }

                        fruitless = 0;
                        Fault = null;
                        version = next.Object.Metadata?.ResourceVersion ?? version;
                        if (next.Type == ApiEventType.Bookmark || NameOf(next.Object) is not { Length: > 0 } name)
                        {
                            continue;
                        }

                        if (next.Type == ApiEventType.Deleted)
                        {
                            objects.Remove(name);
                        }
                        else
                        {
                            objects[name] = next.Object;
                        }

                        yield return [.. objects.Values];
                    }
                }

                if (fault is { StatusCode: HttpStatusCode.Gone })
                {
                    TimeSpan wait = watches.EndWithRemedy();
                    if (wait > TimeSpan.Zero)
                    {
                        await Task.Delay(wait, _time, cancellationToken).ConfigureAwait(false);
                    }

                    break;
                }

                if (fault is { StatusCode: HttpStatusCode.Forbidden or HttpStatusCode.MethodNotAllowed })
                {
                    LogPolling(_collection, fault.Message);
                    unwatched = ListsUntilWatch;
                    break;
                }

                Fault = fault;
                if (fault is not null)
                {
                    LogWatchLost(_collection, fault.Message);
                }

                await Task.Delay(watches.End(), _time, cancellationToken).ConfigureAwait(false);
                if (fault is not null && (!IsPassing(fault) || ++fruitless == WatchesUntilList))
                {
                    break;
                }
            }

            if (!mayWatch || unwatched > 0)
            {
                unwatched = Math.Max(0, unwatched - 1);
                await Task.Delay(PollInterval, _time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<ApiList<T>> ListAsync(bool first, CancellationToken cancellationToken)
    {
        var lists = new RestartBackoff(_time, FirstWait);
        while (true)
        {
            lists.Begin();
            try
            {
                ApiList<T> list = await (IsOnePageAtMost
                    ? api.ListPageAsync(resource, @namespace, selection, cancellationToken)
                    : api.ListAsync(resource, @namespace, selection, cancellationToken)).ConfigureAwait(false);
                Fault = null;
                return list;
            }
            catch (ClusterException passing) when (!first && IsPassing(passing))
            {
                Fault = passing;
                LogListFailed(_collection, passing.Message);
            }

            await Task.Delay(lists.End(), _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<(ApiEvent<T>? Next, ClusterException? Fault)> NextAsync(IAsyncEnumerator<ApiEvent<T>> events)
    {
        try
        {
            return (await events.MoveNextAsync().ConfigureAwait(false) ? events.Current : null, null);
        }
        catch (ClusterException fault)
        {
            return (null, fault);
        }
    }

    /// <summary>
    /// Whether another try may help: no answer at all, throttling, a fault inside the server, or a gateway that does not find its way to the server.
    /// A collection is always there, even when it is empty.
    /// </summary>
    internal static bool IsPassing(ClusterException fault) =>
        fault.StatusCode is null or HttpStatusCode.NotFound or HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout || (int)fault.StatusCode >= 500;

    private static string NameOf(T item) => item.Metadata?.Name ?? "";
}
