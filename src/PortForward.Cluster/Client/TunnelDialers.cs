using Microsoft.Extensions.Logging;
using PortForward.Cluster.Api;
using PortForward.Cluster.Connection;
using PortForward.Tunnels;

namespace PortForward.Cluster;

/// <summary>Makes the dialers to the pods of one target, over the transports that may be used, in their order.</summary>
/// <param name="cluster">The way to the API server.</param>
/// <param name="transports">The transports' names, the preferred one first; at least one.</param>
/// <param name="memory">What is known about them, from all targets of the server.</param>
/// <param name="options">The limits.</param>
/// <param name="onFailed">Called with each transport that does not work, and the reason; or null.</param>
/// <param name="loggers">For diagnostics.</param>
internal sealed class TunnelDialers(
    ClusterConnection cluster,
    IReadOnlyList<string> transports,
    TransportMemory memory,
    TunnelDialOptions options,
    Action<string, TunnelFault>? onFailed,
    ILoggerFactory loggers)
    : IAsyncDisposable
{
    /// <summary>The names of the transports.</summary>
    public const string WebSocket = "websocket", Spdy = "spdy", Channel = "channel";

    private HeadStartDialer? _firstDial;
    private HeadStartDialer? _unclaimed;
    private Uri? _firstDialUri;

    /// <summary>All transports, in the order in which they are tried unless another one is asked for.</summary>
    public static IReadOnlyList<string> AllTransports { get; } = [WebSocket, Spdy, Channel];

    /// <summary>What the user asks for holds for an upgrade's answer, and no other limit ends the dial before.</summary>
    public static TunnelDialOptions Limits(TimeSpan? requestTimeout)
    {
        var usual = new TunnelDialOptions();
        return requestTimeout switch
        {
            null => usual,
            { Ticks: 0 } => usual with { AnswerTimeout = Timeout.InfiniteTimeSpan, DialTimeout = Timeout.InfiniteTimeSpan },
            { } timeout => usual with { AnswerTimeout = timeout, DialTimeout = timeout > usual.DialTimeout ? timeout : usual.DialTimeout },
        };
    }

    /// <summary>Begins to dial a pod that is still being looked up, unless the transport would reach its application at once.</summary>
    public void BeginFirstDial(string @namespace, string pod)
    {
        string first = transports.FirstOrDefault(name => name == memory.Works) ?? transports[0];
        if (first != Channel)
        {
            _firstDialUri = cluster.PortForwardUri(@namespace, pod);
            _unclaimed = _firstDial = new HeadStartDialer(Create(first, _firstDialUri));
        }
    }

    /// <summary>Drops the first dial: the pod did not run yet, and is dialled again once it does.</summary>
    public async Task DropFirstDialAsync()
    {
        Interlocked.Exchange(ref _unclaimed, null);
        await DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Drops the first dial, if nobody has asked for its tunnel. The dialers can still be used.</summary>
    public ValueTask DisposeAsync() => _firstDial?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>The dialer of the tunnels to a pod.</summary>
    public FallbackDialer ToPod(string @namespace, string pod)
    {
        Uri uri = cluster.PortForwardUri(@namespace, pod);
        HeadStartDialer? begun = uri == _firstDialUri ? Interlocked.Exchange(ref _unclaimed, null) : null;
        return new FallbackDialer(
            [.. transports.Select(name => name == begun?.Transport ? begun : Create(name, uri))],
            memory, options, onFailed, fault => UpgradeRefusal.Read(fault, pod), loggers.CreateLogger<FallbackDialer>());
    }

    private ITunnelDialer Create(string name, Uri uri) => name switch
    {
        WebSocket => new WebSocketTunnelDialer(cluster.Invoker, uri, options, loggers.CreateLogger<WebSocketTunnelDialer>()),
        Spdy => new SpdyUpgradeDialer(cluster.Invoker, uri, options, loggers.CreateLogger<SpdyUpgradeDialer>()),
        Channel => new ChannelTunnelDialer(cluster.Invoker, uri, options, loggers.CreateLogger<ChannelTunnelDialer>()),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "There is no such transport."),
    };
}
