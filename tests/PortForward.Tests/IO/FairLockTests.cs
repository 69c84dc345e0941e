using System.Runtime.CompilerServices;
using PortForward.IO;

namespace PortForward.Tests.IO;

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
    public async Task Cancelled_waiters_are_forgotten_and_the_others_keep_their_places()
    {
        using var cancel = new CancellationTokenSource();
        _lock.TryEnter();
        Task[] staying = new Task[3], leaving = new Task[3];
        for (int i = 0; i < 3; i++)
        {
            leaving[i] = _lock.EnterAsync(cancel.Token).AsTask();
            staying[i] = _lock.EnterAsync(CancellationToken.None).AsTask();
        }

        await cancel.CancelAsync();
        await Task.WhenAll(leaving).ContinueWith(static _ => { }, TaskScheduler.Default).Soon();

        leaving.Should().OnlyContain(task => task.IsCanceled);
        WaitersOf(_lock).Should().HaveCount(3, "a holder that never exits would gather those who gave up without end");
        for (int i = 0; i < 3; i++)
        {
            _lock.Exit();
            await staying[i].Soon();
            staying.Count(task => task.IsCompleted).Should().Be(i + 1);
        }

        WaitersOf(_lock).Should().BeEmpty();
    }

    [Fact]
    public async Task A_waiter_cancelled_after_the_lock_became_its_own_has_it_nonetheless()
    {
        using var cancel = new CancellationTokenSource();
        _lock.TryEnter();
        Task granted = _lock.EnterAsync(cancel.Token).AsTask();

        _lock.Exit();
        await cancel.CancelAsync();

        await granted.Soon();
        _lock.TryEnter().Should().BeFalse();
        _lock.Exit();
        _lock.TryEnter().Should().BeTrue();
    }

    [Fact]
    public async Task Cancellation_at_the_moment_of_an_exit_neither_loses_the_lock_nor_gives_it_twice()
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        for (int round = 0; round < 3000; round++)
        {
            using var cancel = new CancellationTokenSource();
            int cancelled = random.Next(3);
            _lock.TryEnter().Should().BeTrue("nobody has the lock; seed {0}, round {1}", seed, round);
            Task[] waiters = [.. Enumerable.Range(0, 3).Select(i => UseAsync(i == cancelled ? cancel.Token : CancellationToken.None))];

            Task cancelling = Task.Run(cancel.Cancel);
            for (int spins = random.Next(200); spins > 0; spins--)
            {
                Thread.SpinWait(1);
            }

            _lock.Exit();
            await cancelling.Soon();
            await Task.WhenAll(waiters).ContinueWith(static _ => { }, TaskScheduler.Default).Soon();
            waiters.Where((_, i) => i != cancelled).Should().OnlyContain(task => task.IsCompletedSuccessfully, "seed {0}, round {1}", seed, round);
            WaitersOf(_lock).Should().BeEmpty("seed {0}, round {1}", seed, round);
            _lock.TryEnter().Should().BeTrue("the last one has freed it; seed {0}, round {1}", seed, round);
            _lock.Exit();
        }

        async Task UseAsync(CancellationToken token)
        {
            await _lock.EnterAsync(token);
            _lock.TryEnter().Should().BeFalse("seed {0}", seed);
            _lock.Exit();
        }
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

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_waiters")]
    private static extern ref LinkedList<TaskCompletionSource> WaitersOf(FairLock fairLock);
}
