using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace PortForward.Cluster.Tests.Api;

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
        while (await _begun.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30)) != wait) { }
        Advance(wait);
    }
}
