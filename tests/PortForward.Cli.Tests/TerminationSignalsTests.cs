using System.Runtime.InteropServices;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cli.Commands;

namespace PortForward.Cli.Tests;

/// <summary>When a program that does not come to its end is ended.</summary>
public sealed class TerminationSignalsTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(1);
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly FakeTimeProvider _time = new();
    private int _exits;

    [Fact]
    public async Task The_first_signal_ends_a_program_that_has_nothing_open()
    {
        using TerminationSignals signals = Create(Limit);

        signals.Receive(PosixSignal.SIGINT);

        await _exited.Task.Soon();
        signals.Requested.IsCancellationRequested.Should().BeTrue();
    }

    [Fact]
    public async Task Once_clients_may_have_connected_the_second_one_does()
    {
        using TerminationSignals signals = Create(Limit);
        signals.ListenersOpened();

        signals.Receive(PosixSignal.SIGINT);
        signals.Requested.IsCancellationRequested.Should().BeTrue();
        signals.Repeated.IsCancellationRequested.Should().BeFalse();
        signals.Receive(PosixSignal.SIGINT);

        await _exited.Task.Soon();
        signals.Repeated.IsCancellationRequested.Should().BeTrue();
        _exits.Should().Be(1, "the first one has not set a limit");
    }

    [Fact]
    public async Task The_signal_ends_it_though_what_waits_for_the_signal_blocks()
    {
        using TerminationSignals signals = Create(Limit);
        using var never = new ManualResetEventSlim();
        signals.Requested.Register(never.Wait);

        var receiving = Task.Run(() => signals.Receive(PosixSignal.SIGINT));

        await _exited.Task.Soon();
        never.Set();
        await receiving;
    }

    [Fact]
    public void A_signal_that_has_come_before_the_command_is_passed_on_to_it()
    {
        using TerminationSignals signals = Create(Limit);
        signals.ListenersOpened();
        var received = new List<PosixSignal>();

        signals.Receive(PosixSignal.SIGTERM);
        signals.PassOnTo(received.Add);
        signals.Receive(PosixSignal.SIGHUP);
        signals.PassOnTo(_ => { });

        received.Should().Equal(PosixSignal.SIGTERM, PosixSignal.SIGHUP);
    }

    [Fact]
    public void Of_several_that_have_come_before_the_command_each_is_passed_on()
    {
        using TerminationSignals signals = Create(TimeSpan.FromMinutes(1));
        signals.ListenersOpened();
        var early = new List<PosixSignal>();

        signals.Receive(PosixSignal.SIGINT);
        signals.Receive(PosixSignal.SIGTERM);
        signals.PassOnTo(_ => throw new InvalidOperationException("not early"), early.Add);

        early.Should().Equal(PosixSignal.SIGINT, PosixSignal.SIGTERM);
    }

    [Fact]
    public void No_signal_is_lost_while_it_is_handed_over()
    {
        for (int round = 0; round < 200; round++)
        {
            using TerminationSignals signals = Create(TimeSpan.FromMinutes(1));
            signals.ListenersOpened();
            int received = 0;
            using var both = new Barrier(2);
            var sender = new Thread(() =>
            {
                both.SignalAndWait();
                signals.Receive(PosixSignal.SIGINT);
            });
            sender.Start();

            both.SignalAndWait();
            signals.PassOnTo(_ => Interlocked.Increment(ref received));
            sender.Join();

            received.Should().Be(1);
        }
    }

    [Fact]
    public void A_termination_that_is_repeated_at_once_is_one_request()
    {
        using TerminationSignals signals = Create(TimeSpan.FromMinutes(1));
        signals.ListenersOpened();

        signals.Receive(PosixSignal.SIGTERM);
        signals.Receive(PosixSignal.SIGTERM);
        signals.Repeated.IsCancellationRequested.Should().BeFalse();
        _time.Advance(TimeSpan.FromSeconds(1));
        signals.Receive(PosixSignal.SIGTERM);

        signals.Repeated.IsCancellationRequested.Should().BeTrue();
    }

    private TerminationSignals Create(TimeSpan limit) => new(limit, () =>
    {
        Interlocked.Increment(ref _exits);
        _exited.TrySetResult();
    }, _time);
}
