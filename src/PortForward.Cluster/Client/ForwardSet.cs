using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.ExceptionServices;

namespace PortForward.Cluster;

/// <summary>Several forwards, each with a name. They were started together, and are stopped together unless one is stopped alone.</summary>
/// <remarks>
/// They share what the API server is asked: its connection, the look-ups and the watch of each namespace. A forward that was not used for a minute keeps no idle tunnel,
/// so that its next connection opens one.
/// </remarks>
/// <example>
/// <code>
/// await using ForwardSet all = await cluster.ForwardAllAsync([new("svc/postgres", ":5432"), new("deploy/web", ":http", ":metrics")]);
/// Console.WriteLine(all["postgres"].Port);
/// </code>
/// </example>
[SuppressMessage("Naming", "CA1710:Identifiers should have correct suffix", Justification = "It is a set of forwards by name, more than a collection.")]
public sealed class ForwardSet : IReadOnlyList<Forward>, IAsyncDisposable
{
    /// <summary>How long a forward that is not used keeps an idle tunnel.</summary>
    internal static readonly TimeSpan UnusedTime = TimeSpan.FromMinutes(1);

    private readonly IReadOnlyList<Member> _members;
    private readonly Dictionary<string, Forward> _byName;

    /// <summary>Creates a set of forwards that are not started yet.</summary>
    /// <param name="members">The forwards, each with another name.</param>
    internal ForwardSet(IReadOnlyList<Member> members)
    {
        if (members.Count == 0)
        {
            throw new ArgumentException("At least one forward is needed.", nameof(members));
        }

        _members = members;
        _byName = members.ToDictionary(member => member.Forward.Name, member => member.Forward, StringComparer.Ordinal);
    }

    /// <summary>A forward and the client that starts it.</summary>
    internal readonly record struct Member(ClusterClient Client, Forward Forward);

    /// <summary>How many there are.</summary>
    public int Count => _members.Count;

    /// <summary>The forward at an index, in the order in which they were defined.</summary>
    public Forward this[int index] => _members[index].Forward;

    /// <summary>The forward of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name; the message says which there are.</exception>
    public Forward this[string name] => _byName.TryGetValue(name, out Forward? forward)
        ? forward
        : throw new KeyNotFoundException($"There is no forward \"{name}\": there are {string.Join(", ", _byName.Keys)}.");

    /// <summary>Completes when all have ended. It never faults: each forward's own completion says how it has ended.</summary>
    public Task Completion => Task.WhenAll(_members.Select(async member => await member.Forward.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing)));

    /// <summary>Stops all of them, as <see cref="Forward.StopAsync"/> does. It never throws, and may be called more than once.</summary>
    /// <param name="cancellationToken">Resets the connections that are left at once.</param>
    public Task StopAsync(CancellationToken cancellationToken = default) => Task.WhenAll(_members.Select(member => member.Forward.StopAsync(cancellationToken)));

    /// <summary>Stops all of them at once: connections that are open are reset.</summary>
    public async ValueTask DisposeAsync() => await Task.WhenAll(_members.Select(member => member.Forward.DisposeAsync().AsTask())).ConfigureAwait(false);

    /// <inheritdoc/>
    public IEnumerator<Forward> GetEnumerator() => _members.Select(member => member.Forward).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>
    /// Starts them; if that fails nothing is left. If not all are required and the token is cancelled, those that are ready stay: their clients may come to their end.
    /// </summary>
    internal async Task StartAsync(ForwardSetOptions options, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxStarting, 1, nameof(options));
        using var places = new SemaphoreSlim(options.MaxStarting);
        using var unwanted = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var allReached = new CountdownEvent(_members.Count);
        var mayListen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        IDisposable[] expected = [.. _members
            .GroupBy(member => (member.Client, member.Forward.Namespace))
            .Select(together => together.Key.Client.Feeds.Expect(together.Key.Namespace, together.Count()))];
        Task[] starts = [.. _members.Select(StartOneAsync)];
        await Task.WhenAll(starts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Array.ForEach(expected, static targets => targets.Dispose());
        allReached.Dispose();
        ExceptionDispatchInfo? fault = !options.RequireAll ? FindFault(starts.Where(IsDisposed))
            : Count > 1 && starts.All(static start => start.IsCompletedSuccessfully) ? FindFault(_members.Select(member => member.Forward.Completion))
            : FindFault(starts);
        if (fault is not null)
        {
            await DisposeAsync().ConfigureAwait(false);
            fault.Throw();
        }

        bool mayGoOn = !options.RequireAll && starts.Any(static start => start.IsCompletedSuccessfully);
        if (starts.Any(static start => start.IsCanceled) && !mayGoOn)
        {
            await DisposeAsync().ConfigureAwait(false);
            throw new OperationCanceledException(cancellationToken);
        }

        async Task StartOneAsync(Member member)
        {
            bool hasPlace = false;
            var placeGate = new Lock();
            try
            {
                await places.WaitAsync(unwanted.Token).ConfigureAwait(false);
                hasPlace = true;
                member.Forward.OnAwaiting = LeavePlace; // Who waits for a pod dials nobody.
                await member.Client.StartAsync(member.Forward, ReachedAsync, unwanted.Token).ConfigureAwait(false);
            }
            catch when (options.RequireAll)
            {
                await unwanted.CancelAsync().ConfigureAwait(false);
                throw;
            }
            finally
            {
                LeavePlace();
                options.OnStartEnded?.Invoke(member.Forward);
            }

            void LeavePlace()
            {
                lock (placeGate)
                {
                    if (hasPlace)
                    {
                        hasPlace = false;
                        places.Release();
                    }
                }
            }

            Task ReachedAsync()
            {
                LeavePlace();
                if (allReached.Signal())
                {
                    mayListen.SetResult();
                }

                return options.RequireAll ? mayListen.Task : Task.CompletedTask;
            }
        }
    }

    /// <summary>Whether the client was disposed before this start, which is nothing that the others could go on without.</summary>
    private static bool IsDisposed(Task start) => start.Exception?.InnerException is ObjectDisposedException;

    /// <summary>The first fault of several starts, or of forwards that were ready and are lost before all others are.</summary>
    private static ExceptionDispatchInfo? FindFault(IEnumerable<Task> tasks) =>
        tasks.FirstOrDefault(static task => task.IsFaulted)?.Exception!.InnerException is { } first ? ExceptionDispatchInfo.Capture(first) : null;
}
