using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

public sealed class FairLockTests
{
    private readonly FairLock _lock = new();

    [Fact]
    public void A_free_lock_is_taken_at_once_and_only_once()
    {
        _lock.EnterAsync(CancellationToken.None).AsTask().IsCompletedSuccessfully.Should().BeTrue();
        _lock.TryEnter().Should().BeFalse();

        _lock.Exit();

        _lock.TryEnter().Should().BeTrue();
        _lock.TryEnter().Should().BeFalse();
    }

    [Fact]
    public async Task Waiters_are_served_in_the_order_in_which_they_came()
    {
        var order = new List<int>();
        using var someToken = new CancellationTokenSource();
        _lock.TryEnter();
        Task[] waiters = [.. Enumerable.Range(0, 10).Select(i => WaitAsync(i, i % 2 == 0 ? someToken.Token : CancellationToken.None))];

        _lock.Exit();
        await Task.WhenAll(waiters).Soon();

        order.Should().Equal(Enumerable.Range(0, 10));
        _lock.TryEnter().Should().BeTrue("the last one freed it");

        async Task WaitAsync(int number, CancellationToken token)
        {
            await _lock.EnterAsync(token);
            order.Add(number);
            _lock.Exit();
        }
    }

    [Fact]
    public async Task A_cancelled_waiter_does_not_get_the_lock_and_does_not_hold_up_the_next_one()
    {
        using var cancel = new CancellationTokenSource();
        _lock.TryEnter();
        Task cancelled = _lock.EnterAsync(cancel.Token).AsTask();
        Task next = _lock.EnterAsync(CancellationToken.None).AsTask();

        await cancel.CancelAsync();
        await cancelled.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
        next.IsCompleted.Should().BeFalse();
        _lock.Exit();

        await next.Soon();
        _lock.TryEnter().Should().BeFalse();
    }

    [Fact]
    public async Task When_all_waiters_are_cancelled_the_lock_is_freed()
    {
        using var cancel = new CancellationTokenSource();
        _lock.TryEnter();
        Task[] waiters = [_lock.EnterAsync(cancel.Token).AsTask(), _lock.EnterAsync(cancel.Token).AsTask()];
        await cancel.CancelAsync();
        await Task.WhenAll(waiters).ContinueWith(static _ => { }, TaskScheduler.Default).Soon();

        _lock.Exit();

        _lock.TryEnter().Should().BeTrue();
    }

    [Fact]
    public async Task A_token_that_is_cancelled_beforehand_takes_nothing()
    {
        Func<Task> enter = () => _lock.EnterAsync(new CancellationToken(canceled: true)).AsTask();

        await enter.Should().ThrowAsync<OperationCanceledException>();
        _lock.TryEnter().Should().BeTrue();
    }

    [Fact]
    public async Task Under_cancellation_from_all_sides_it_excludes_and_never_loses_a_wake_up()
    {
        const int seed = 20240607;
        int inside = 0, entered = 0, cancelled = 0, overlaps = 0;

        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            var random = new Random(seed + worker);
            for (int i = 0; i < 500; i++)
            {
                using var cancel = new CancellationTokenSource();
                Task entering = _lock.EnterAsync(cancel.Token).AsTask();
                if (random.Next(3) == 0)
                {
                    await cancel.CancelAsync();
                }

                try
                {
                    await entering;
                }
                catch (OperationCanceledException)
                {
                    Interlocked.Increment(ref cancelled);
                    continue;
                }

                overlaps += Interlocked.Increment(ref inside) - 1;
                if (random.Next(2) == 0)
                {
                    await Task.Yield();
                }

                Interlocked.Decrement(ref inside);
                Interlocked.Increment(ref entered);
                _lock.Exit();
            }
        }))).Soon();

        overlaps.Should().Be(0, "seed {0}", seed);
        (entered + cancelled).Should().Be(8 * 500);
        _lock.TryEnter().Should().BeTrue();
    }
}
