using PortForward.Cli.Commands;

namespace PortForward.Cli.Tests;

/// <summary>When a program that does not come to its end is ended.</summary>
public sealed class TerminationSignalsTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(1);
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _exits;

    [Fact]
    public async Task The_first_signal_ends_a_program_that_has_nothing_open()
    {
        using TerminationSignals signals = Create(Limit);

        signals.Receive();

        await _exited.Task.Soon();
        signals.Requested.IsCancellationRequested.Should().BeTrue();
    }

    [Fact]
    public async Task Once_clients_may_have_connected_the_second_one_does()
    {
        using TerminationSignals signals = Create(Limit);
        signals.ListenersOpened();

        signals.Receive();
        signals.Requested.IsCancellationRequested.Should().BeTrue();
        signals.Repeated.IsCancellationRequested.Should().BeFalse();
        signals.Receive();

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

        var receiving = Task.Run(signals.Receive);

        await _exited.Task.Soon();
        never.Set();
        await receiving;
    }

    private TerminationSignals Create(TimeSpan limit) => new(limit, () =>
    {
        Interlocked.Increment(ref _exits);
        _exited.TrySetResult();
    });
}
