using Microsoft.Extensions.Logging;
using PortForward.Cluster;
using PortForward.Cluster.Api;
using PortForward.Cluster.Connection;
using PortForward.Tunnels;

namespace PortForward.Cli.Commands;

/// <summary>The transports that a forward may use, in their order, and what it has learned about them.</summary>
/// <param name="cluster">The way to the API server.</param>
/// <param name="names">Their names; one of <see cref="Parse"/>'s results.</param>
/// <param name="livenessTimeout">After how long a silent tunnel counts as dead.</param>
/// <param name="onFailed">Called with each transport that does not work, and the reason; or null.</param>
/// <param name="loggers">For diagnostics.</param>
internal sealed class Transports(
    ClusterConnection cluster, IReadOnlyList<string> names, TimeSpan livenessTimeout, Action<string, TunnelFault>? onFailed, ILoggerFactory loggers)
    : IAsyncDisposable
{
    private const string WebSocket = "websocket", Spdy = "spdy", Channel = "channel";

    private readonly TransportMemory _memory = new();
    private readonly TunnelDialOptions _options = Limits(cluster.RequestTimeout) with { LivenessTimeout = livenessTimeout };

    private HeadStartDialer? _headStart;
    private Uri? _headStartUri;

    /// <summary>The name of the one in use, once the server has accepted it.</summary>
    public string InUse => _memory.Works ?? _memory.Accepted ?? "";

    /// <summary>Reads a value of <c>--transport</c>; without one kubectl's switch counts, <c>KUBECTL_PORT_FORWARD_WEBSOCKETS</c>.</summary>
    /// <exception cref="UsageException">There is no such transport.</exception>
    public static IReadOnlyList<string> Parse(string? value) => value switch
    {
        null when WebSocketsAreOff() => [Spdy],
        null or "auto" => [WebSocket, Spdy, Channel],
        WebSocket or Spdy or Channel => [value],
        _ => throw new UsageException($"invalid argument \"{value}\" for \"--transport\" flag: auto, websocket, spdy or channel"),
    };

    /// <summary>Begins to dial a pod that is still being looked up, unless the transport would reach its application at once.</summary>
    public void BeginFirstDial(string @namespace, string pod)
    {
        if (names[0] != Channel)
        {
            _headStartUri = cluster.PortForwardUri(@namespace, pod);
            _headStart = new HeadStartDialer(Create(names[0], _headStartUri));
        }
    }

    /// <summary>Drops the first dial: the pod did not run yet, and is dialled again once it does.</summary>
    public async Task DropFirstDialAsync()
    {
        if (Interlocked.Exchange(ref _headStart, null) is { } unneeded)
        {
            await unneeded.DisposeAsync();
        }
    }

    /// <summary>Drops the first dial, if nobody has asked for it.</summary>
    public async ValueTask DisposeAsync() => await DropFirstDialAsync();

    /// <summary>The dialer of the tunnels to a pod.</summary>
    public FallbackDialer ToPod(string @namespace, string pod)
    {
        Uri uri = cluster.PortForwardUri(@namespace, pod);
        ITunnelDialer? headStart = uri == _headStartUri ? Interlocked.Exchange(ref _headStart, null) : null;
        return new FallbackDialer(
            [.. names.Select((name, i) => i == 0 && headStart is not null ? headStart : Create(name, uri))],
            _memory, _options, onFailed, fault => UpgradeRefusal.Read(fault, pod), loggers.CreateLogger<FallbackDialer>());
    }

    /// <summary>Tells in one line why a transport does not work.</summary>
    public static string Describe(TunnelFault fault) => fault.StatusCode is { } status
        ? $"{(int)status} {ApiStatus.Read(status, fault.ReasonPhrase, fault.Body ?? "").Message}"
        : ClusterException.Find(fault.Cause)?.Message ?? fault.Message;

    /// <summary>What the user asks for holds for an upgrade's answer, and no other limit ends the dial before.</summary>
    internal static TunnelDialOptions Limits(TimeSpan? requestTimeout)
    {
        var usual = new TunnelDialOptions();
        return requestTimeout switch
        {
            null => usual,
            { Ticks: 0 } => usual with { AnswerTimeout = Timeout.InfiniteTimeSpan, DialTimeout = Timeout.InfiniteTimeSpan },
            { } timeout => usual with { AnswerTimeout = timeout, DialTimeout = timeout > usual.DialTimeout ? timeout : usual.DialTimeout },
        };
    }

    private ITunnelDialer Create(string name, Uri uri) => name switch
    {
        WebSocket => new WebSocketTunnelDialer(cluster.Invoker, uri, _options, loggers.CreateLogger<WebSocketTunnelDialer>()),
        Spdy => new SpdyUpgradeDialer(cluster.Invoker, uri, _options, loggers.CreateLogger<SpdyUpgradeDialer>()),
        Channel => new ChannelTunnelDialer(cluster.Invoker, uri, _options, loggers.CreateLogger<ChannelTunnelDialer>()),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "There is no such transport."),
    };

    /// <summary>The values are those that Go takes for false.</summary>
    private static bool WebSocketsAreOff() =>
        Environment.GetEnvironmentVariable("KUBECTL_PORT_FORWARD_WEBSOCKETS") is "0" or "f" or "F" or "false" or "FALSE" or "False";
}
