using System.Diagnostics.CodeAnalysis;

namespace PortForward.Cluster.Api;

/// <summary>
/// How many look-ups are under way at a time, each of which takes a connection. One that lasts long gives its place up: on a dead network, or while a server wants it
/// to wait, it must not hold up those that would be answered.
/// </summary>
/// <param name="most">How many, at least 1.</param>
/// <param name="time">The clock.</param>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "A semaphore without a wait handle has nothing to dispose.")]
internal sealed class LookUpGate(int most, TimeProvider time)
{
    /// <summary>How long a look-up keeps its place.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _places = new(most);

    /// <summary>Waits for a place; disposing it gives it back.</summary>
    public async Task<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        await _places.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new Place(_places, time);
    }

    private sealed class Place : IDisposable
    {
        private readonly SemaphoreSlim _places;
        private readonly ITimer _timer;
        private int _isGivenBack;

        public Place(SemaphoreSlim places, TimeProvider time)
        {
            _places = places;
            _timer = time.CreateTimer(static place => ((Place)place!).GiveBack(), this, Patience, Timeout.InfiniteTimeSpan);
        }

        public void Dispose()
        {
            _timer.Dispose();
            GiveBack();
        }

        private void GiveBack()
        {
            if (Interlocked.Exchange(ref _isGivenBack, 1) == 0)
            {
                _places.Release();
            }
        }
    }
}
