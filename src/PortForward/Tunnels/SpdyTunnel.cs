using System.Globalization;
using Microsoft.Extensions.Logging;
using PortForward.Spdy;

namespace PortForward.Tunnels;

/// <summary>A tunnel that is a SPDY/3.1 session, whatever carries its bytes.</summary>
internal sealed class SpdyTunnel : ITunnel
{
    /// <summary>
    /// How often a PING is sent so that load balancers and firewalls do not cut an idle tunnel. kubectl pings every 5 s on plain SPDY.
    /// </summary>
    public static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(5);

    private readonly SpdySession _session;
    private readonly TimeProvider _time;
    private readonly ITimer _pingTimer;
    private int _nextRequestId = -1;

    public SpdyTunnel(Stream transport, TimeProvider time, ILogger logger)
    {
        _session = new SpdySession(transport, options: null, logger);
        _time = time;
        _pingTimer = time.CreateTimer(static tunnel => _ = ((SpdyTunnel)tunnel!).PingAsync(), this, PingInterval, PingInterval);
    }

    public bool CanOpen => _session.CanOpen;

    public Task Completion => _session.Completion;

    public int MaxFirstBytes => _session.Options.MaxDataFrameSize;

    public async ValueTask<IStreamPair?> OpenPairAsync(int port, ReadOnlyMemory<byte> firstBytes, CancellationToken cancellationToken)
    {
        string portText = port.ToString(CultureInfo.InvariantCulture);
        string requestId = Interlocked.Increment(ref _nextRequestId).ToString(CultureInfo.InvariantCulture);
        StreamOpening[] openings =
        [
            new(Headers("error"), Finish: true),
            new(Headers("data")),
        ];
        SpdyStream[]? streams = await _session.OpenAsync(openings, firstBytes, cancellationToken).ConfigureAwait(false);
        return streams is null ? null : new SpdyStreamPair(streams[1], streams[0]);

        KeyValuePair<string, string>[] Headers(string streamType) =>
        [
            new("streamtype", streamType),
            new("port", portText),
            new("requestid", requestId),
        ];
    }

    public async ValueTask DisposeAsync()
    {
        await _pingTimer.DisposeAsync().ConfigureAwait(false);
        await _session.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>
    /// The reply does not matter: a stalled stream legitimately holds it up. It is waited for until the next PING only, or else
    /// those of a connection that stalls for days would pile up.
    /// </summary>
    private async Task PingAsync()
    {
        using var untilNext = new CancellationTokenSource(PingInterval, _time);
        try
        {
            await _session.PingAsync(untilNext.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // No reply yet, which says nothing.
        }
    }
}
