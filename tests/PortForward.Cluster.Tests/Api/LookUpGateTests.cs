using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Api;

namespace PortForward.Cluster.Tests.Api;

/// <summary>How many look-ups are under way at a time.</summary>
public sealed class LookUpGateTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly LookUpGate _gate;

    public LookUpGateTests() => _gate = new LookUpGate(most: 2, _time);

    [Fact]
    public async Task Those_beyond_the_limit_wait_for_their_turn()
    {
        IDisposable first = await _gate.EnterAsync(CancellationToken.None).Soon();
        using IDisposable second = await _gate.EnterAsync(CancellationToken.None).Soon();
        Task<IDisposable> third = _gate.EnterAsync(CancellationToken.None);
        third.IsCompleted.Should().BeFalse();

        first.Dispose();
        first.Dispose();

        using IDisposable entered = await third.Soon();
        _gate.EnterAsync(CancellationToken.None).IsCompleted.Should().BeFalse("a place is given back once");
    }

    [Fact]
    public async Task One_that_hangs_gives_its_place_up()
    {
        using IDisposable first = await _gate.EnterAsync(CancellationToken.None).Soon();
        using IDisposable second = await _gate.EnterAsync(CancellationToken.None).Soon();
        Task<IDisposable> third = _gate.EnterAsync(CancellationToken.None);

        _time.Advance(LookUpGate.Patience);

        using IDisposable entered = await third.Soon();
    }
}
