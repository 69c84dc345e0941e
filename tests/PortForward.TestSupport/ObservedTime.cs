using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace PortForward.TestSupport;

/// <summary>A clock that stands still until the test moves it, and tells the test which waits have begun.</summary>
internal sealed class ObservedTime : FakeTimeProvider
{
    private readonly Channel<TimeSpan> _begun = Channel.CreateUnbounded<TimeSpan>();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = base.CreateTimer(callback, state, dueTime, period);
        _begun.Writer.TryWrite(dueTime);
        return timer;
    }

    /// <summary>Lets a wait of this length begin, and then pass.</summary>
    public async Task PassAsync(TimeSpan wait)
    {
        while (await _begun.Reader.ReadAsync().Soon() != wait) { }
        Advance(wait);
    }

    /// <summary>The next wait that begins and is no longer than a minute; longer ones are limits that are not meant to be reached.</summary>
    public async Task<TimeSpan> NextWaitAsync()
    {
        while (true)
        {
            TimeSpan wait = await _begun.Reader.ReadAsync().Soon();
            if (wait >= TimeSpan.Zero && wait <= TimeSpan.FromMinutes(1))
            {
                return wait;
            }
        }
    }
}
