using PortForward.IO;

namespace PortForward.Tests.IO;

public sealed class AsyncSignalTests
{
    private readonly AsyncSignal _signal = new();

    [Fact]
    public void A_signal_completes_what_was_waited_for_and_nothing_that_is_waited_for_later()
    {
        Task before = _signal.Next;
        before.IsCompleted.Should().BeFalse();

        _signal.Signal();

        before.IsCompletedSuccessfully.Should().BeTrue();
        _signal.Next.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public void Everybody_who_waits_for_the_same_signal_gets_it()
    {
        Task one = _signal.Next;
        Task other = _signal.Next;

        other.Should().BeSameAs(one);

        _signal.Signal();

        one.IsCompletedSuccessfully.Should().BeTrue();
    }

    [Fact]
    public async Task Waiters_do_not_run_inside_the_call_that_signals()
    {
        using var done = new ManualResetEventSlim();
        Task waiter = _signal.Next.ContinueWith(
            _ => done.Wait(TimeSpan.FromSeconds(10)), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

        _signal.Signal();
        bool ranInside = waiter.IsCompleted;
        done.Set();

        ranInside.Should().BeFalse();
        await waiter.Soon();
    }

    [Fact]
    public async Task A_waiter_that_takes_the_signal_before_it_looks_misses_nothing()
    {
        const int threads = 4;
        const int times = 1000;
        int changes = 0;
        Task[] signalling = [.. Enumerable.Range(0, threads).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < times; i++)
            {
                Interlocked.Increment(ref changes);
                _signal.Signal();
            }
        }))];

        Task next = _signal.Next;
        while (Volatile.Read(ref changes) < threads * times)
        {
            await next.Soon();
            next = _signal.Next;
        }

        await Task.WhenAll(signalling).Soon();
    }
}
