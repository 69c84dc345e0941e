using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PortForward.Tunnels;

/// <summary>
/// Tries several transports in order until one works, and begins with that one from then on. Servers before 1.31 refuse the
/// WebSocket tunnel, proxies drop one or the other upgrade, and a user may have the right for the one only.
/// </summary>
public sealed partial class FallbackDialer : ITunnelDialer
{
    private readonly IReadOnlyList<ITunnelDialer> _dialers;
    private readonly ILogger _logger;
    private volatile int _first;

    /// <summary>Creates a dialer from others.</summary>
    /// <param name="dialers">The transports, the preferred one first; at least one.</param>
    /// <param name="logger">For diagnostics; none if null.</param>
    public FallbackDialer(IReadOnlyList<ITunnelDialer> dialers, ILogger? logger = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(dialers.Count, nameof(dialers));
        _dialers = dialers;
        _logger = logger ?? NullLogger.Instance;
    }

    /// <inheritdoc/>
    public string Transport => _dialers[_first].Transport;

    /// <inheritdoc/>
    /// <remarks>When no transport works, the last one's answer counts: it is the one that old servers understand, and the one kubectl shows.</remarks>
    public async Task<TunnelDialResult> DialAsync(CancellationToken cancellationToken)
    {
        int first = _first;
        for (int tried = 0; ; tried++)
        {
            int index = (first + tried) % _dialers.Count;
            TunnelDialResult dial = await _dialers[index].DialAsync(cancellationToken).ConfigureAwait(false);
            if (dial.Succeeded(out _, out TunnelFault? fault))
            {
                _first = index;
                return dial;
            }

            if (tried == _dialers.Count - 1 || !OtherTransportMayWork(fault))
            {
                return dial;
            }

            LogFallback(_dialers[index].Transport, fault.Message);
        }
    }

    /// <summary>
    /// A server that refuses one upgrade may accept another. One that cannot be reached, does not know the pod or the user, or
    /// asks to wait says the same to every transport.
    /// </summary>
    private static bool OtherTransportMayWork(TunnelFault fault) =>
        fault.Kind is TunnelFaultKind.BadUpgrade
        || (fault.Kind is TunnelFaultKind.Refused
            && fault.StatusCode is not (HttpStatusCode.Unauthorized or HttpStatusCode.NotFound or HttpStatusCode.TooManyRequests));

    [LoggerMessage(Level = LogLevel.Information, Message = "Transport {Transport} does not work here: {Reason}")]
    private partial void LogFallback(string transport, string reason);
}
