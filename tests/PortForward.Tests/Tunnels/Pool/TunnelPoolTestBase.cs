using System.Text;
using PortForward.Tests.Support;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>A pool of fake tunnels, none of which is pre-warmed, and what it has told so far.</summary>
public abstract class TunnelPoolTestBase : IAsyncDisposable
{
    private protected readonly CountingTime _time = new();
    private protected readonly FakeDialer _dialer = new();
    private protected readonly TunnelPoolOptions _options;
    private protected readonly TunnelPool _pool;
    private protected readonly List<int> _lost = [];
    private protected TunnelFault? _whyLost;
    private protected int _saturated;

    private protected TunnelPoolTestBase(int? maxTunnels = null)
    {
        var options = new TunnelPoolOptions
        {
            MinimumIdle = 0,
            Time = _time,
            OnLost = loss =>
            {
                _whyLost = loss.Fault;
                _lost.Add(loss.Alive);
            },
            OnSaturated = () => Interlocked.Increment(ref _saturated),
        };
        _options = maxTunnels is { } limit ? options with { MaxTunnels = limit } : options;
        _pool = new TunnelPool(_dialer, _options);
    }

    public async ValueTask DisposeAsync()
    {
        await _pool.DisposeAsync().Soon();
        GC.SuppressFinalize(this);
    }

    private protected async Task<IStreamPair> OpenAsync(int port = 80, string initialData = "")
    {
        Attempt<IStreamPair> result = await _pool.OpenPairAsync(port, Encoding.UTF8.GetBytes(initialData), CancellationToken.None).Soon();
        result.Succeeded(out IStreamPair? pair, out _).Should().BeTrue();
        return pair!;
    }

    /// <summary>Ends a pair gracefully and waits until its tunnel is idle.</summary>
    private protected async Task ReturnAsync(IStreamPair pair, FakeTunnel tunnel)
    {
        int idle = _pool.IdleCount;
        FakePair inner = tunnel.Pairs.Last();
        inner.Complete();
        await pair.DisposeAsync();
        await Waiting.UntilAsync(() => _pool.IdleCount == idle + 1);
    }
}
