using System.Net;
using Microsoft.Extensions.Time.Testing;
using PortForward.Forwarding;

namespace PortForward.Tests.Forwarding;

public sealed class AcceptGateTests
{
    private static readonly ForwardedPort Port = new(new IPEndPoint(IPAddress.Loopback, 8080), 80);

    private readonly FakeTimeProvider _time = new();
    private readonly List<ForwardedPort> _shortages = [];

    [Fact]
    public async Task Without_a_limit_everybody_enters()
    {
        using AcceptGate gate = Create(maxConnections: null);

        for (int i = 0; i < 10_000; i++)
        {
            await gate.EnterAsync(Port, CancellationToken.None).Soon();
        }

        _shortages.Should().BeEmpty();
    }

    [Fact]
    public async Task Those_beyond_the_limit_wait_until_others_leave()
    {
        using AcceptGate gate = Create(maxConnections: 2);
        await gate.EnterAsync(Port, CancellationToken.None);
        await gate.EnterAsync(Port, CancellationToken.None);

        Task third = gate.EnterAsync(Port, CancellationToken.None).AsTask();

        third.IsCompleted.Should().BeFalse();
        _shortages.Should().Equal(Port);
        gate.Leave();
        await third.Soon();
    }

    [Fact]
    public void Each_listener_may_wait_for_a_client()
    {
        using var gate = new AcceptGate(1, listeners: 3, _shortages.Add, _time);

        for (int i = 0; i < 3; i++)
        {
            gate.EnterAsync(Port, CancellationToken.None).AsTask().IsCompleted.Should().BeTrue();
        }
    }

    [Fact]
    public async Task Stopped_nobody_waits_any_more()
    {
        using AcceptGate gate = Create(maxConnections: 1);
        using var stop = new CancellationTokenSource();
        await gate.EnterAsync(Port, stop.Token);
        Task second = gate.EnterAsync(Port, stop.Token).AsTask();

        await stop.CancelAsync();

        await second.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public void A_shortage_is_told_once_however_long_it_lasts_and_again_when_it_comes_back()
    {
        using AcceptGate gate = Create(maxConnections: null);
        for (int i = 0; i < 1000; i++)
        {
            gate.ReportShortage(Port);
            _time.Advance(TimeSpan.FromSeconds(10));
        }

        _shortages.Should().ContainSingle();
        _time.Advance(TimeSpan.FromMinutes(1));
        gate.ReportShortage(Port);
        _shortages.Should().HaveCount(2);
    }

    [UnixFact]
    public void The_reserve_is_given_away_once_and_filled_again()
    {
        using var reserve = new DescriptorReserve();
        reserve.TryRelease().Should().BeFalse();

        reserve.Refill();
        reserve.Refill();

        (reserve.TryRelease(), reserve.TryRelease()).Should().Be((true, false));
        reserve.Refill();
        reserve.TryRelease().Should().BeTrue();
    }

    private AcceptGate Create(int? maxConnections) => new(maxConnections, listeners: 1, _shortages.Add, _time);

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class UnixFactAttribute : FactAttribute
    {
        public UnixFactAttribute() => Skip = OperatingSystem.IsWindows() ? "Windows limits no descriptors" : null;
    }
}
