using System.Net;
using System.Net.Sockets;

namespace PortForward.Cluster.Transport;

/// <summary>
/// Connects to the first of several addresses that answers (RFC 8305, "happy eyeballs"), so that a broken IPv6 or a dead address costs a
/// quarter of a second and not a timeout.
/// </summary>
internal static class AddressRace
{
    /// <summary>How long an attempt has the field to itself (RFC 8305, section 5).</summary>
    public static readonly TimeSpan AttemptDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>Runs the race.</summary>
    /// <param name="addresses">The addresses, the preferred one first; there must be one.</param>
    /// <param name="connect">Connects to one; fails with a <see cref="SocketException"/>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the race.</param>
    /// <exception cref="SocketException">All failed; the first one's reason, since its address is the preferred one.</exception>
    public static async Task<T> RunAsync<T>(
        IReadOnlyList<IPAddress> addresses, Func<IPAddress, CancellationToken, Task<T>> connect, TimeProvider time, CancellationToken cancellationToken)
        where T : IDisposable
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var waiting = new Queue<IPAddress>(Interleave(addresses));
        var running = new List<Task<T>>();
        SocketException? failure = null;
        try
        {
            while (true)
            {
                if (waiting.TryDequeue(out IPAddress? next))
                {
                    running.Add(connect(next, over.Token));
                }

                await AnyAsync(running, waiting.Count > 0 ? AttemptDelay : Timeout.InfiniteTimeSpan, time, over.Token).ConfigureAwait(false);
                if (running.Find(attempt => attempt.IsCompleted) is not { } first)
                {
                    continue;
                }

                running.Remove(first);
                try
                {
                    return await first.ConfigureAwait(false);
                }
                catch (SocketException e)
                {
                    failure ??= e;
                    if (running.Count == 0 && waiting.Count == 0)
                    {
                        throw failure;
                    }
                }
            }
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            foreach (Task<T> loser in running)
            {
                _ = DisposeLaterAsync(loser);
            }
        }
    }

    /// <summary>The families in turn, beginning with the preferred address's (RFC 8305, section 4).</summary>
    public static IEnumerable<IPAddress> Interleave(IReadOnlyList<IPAddress> addresses)
    {
        IPAddress[] preferred = [.. addresses.Where(address => address.AddressFamily == addresses[0].AddressFamily)];
        IPAddress[] others = [.. addresses.Where(address => address.AddressFamily != addresses[0].AddressFamily)];
        for (int i = 0; i < Math.Max(preferred.Length, others.Length); i++)
        {
            foreach (IPAddress[] family in (IPAddress[][])[preferred, others])
            {
                if (i < family.Length)
                {
                    yield return family[i];
                }
            }
        }
    }

    /// <summary>Waits for an attempt to end, or for the delay to pass.</summary>
    private static async Task AnyAsync(IReadOnlyList<Task> running, TimeSpan delay, TimeProvider time, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var pause = Task.Delay(delay, time, ended.Token);
        await Task.WhenAny([.. running, pause]).ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private static async Task DisposeLaterAsync<T>(Task<T> loser) where T : IDisposable
    {
        try
        {
            (await loser.ConfigureAwait(false)).Dispose();
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // It lost: how does not matter.
        }
    }
}
