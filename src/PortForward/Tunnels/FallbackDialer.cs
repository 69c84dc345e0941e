using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PortForward.Tunnels;

/// <summary>
/// Tries several transports in order until one works, and begins with that one from then on. Servers before 1.31 refuse the
/// WebSocket tunnel, proxies drop one or the other upgrade or what comes after it, and a user may have the right for the one only.
/// </summary>
public sealed partial class FallbackDialer : ITunnelDialer
{
    private readonly IReadOnlyList<ITunnelDialer> _dialers;
    private readonly TransportMemory _memory;
    private readonly TunnelDialOptions _options;
    private readonly Action<string, TunnelFault>? _onFailed;
    private readonly Func<TunnelFault, string> _describe;
    private readonly ILogger _logger;
    private readonly TaskCompletionSource _accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Creates a dialer from others.</summary>
    /// <param name="dialers">The transports, the preferred one first; at least one.</param>
    /// <param name="memory">What has worked, shared with the dialers to other pods of the same server; its own if null.</param>
    /// <param name="options">Limits; the defaults if null.</param>
    /// <param name="onFailed">Called with the name of each transport that does not work, and why; nobody if null.</param>
    /// <param name="describe">Tells in one line why a transport does not work, for an error that lists them all; the fault's message if null.</param>
    /// <param name="logger">For diagnostics; none if null.</param>
    public FallbackDialer(
        IReadOnlyList<ITunnelDialer> dialers, TransportMemory? memory = null, TunnelDialOptions? options = null,
        Action<string, TunnelFault>? onFailed = null, Func<TunnelFault, string>? describe = null, ILogger? logger = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(dialers.Count, nameof(dialers));
        _dialers = dialers;
        _memory = memory ?? new TransportMemory();
        _options = options ?? new TunnelDialOptions();
        _onFailed = onFailed;
        _describe = describe ?? (fault => fault.Message);
        _logger = logger ?? NullLogger.Instance;
    }

    /// <inheritdoc/>
    public string Transport => InOrder()[0].Transport;

    /// <inheritdoc/>
    public Task Accepted => _accepted.Task;

    /// <inheritdoc/>
    /// <remarks>
    /// When all refuse alike, SPDY's answer counts, as for kubectl: it names the right that is missing on every server. Otherwise each one's reason is told.
    /// </remarks>
    public async Task<TunnelDialResult> DialAsync(CancellationToken cancellationToken)
    {
        List<(string Transport, TunnelFault Fault)> failures = [];
        foreach (ITunnelDialer dialer in InOrder())
        {
            TunnelDialResult dial = await dialer.DialAsync(cancellationToken).ConfigureAwait(false);
            if (dial.Succeeded(out ITunnel? tunnel, out TunnelFault? fault))
            {
                _memory.Accepted = dialer.Transport;
                _accepted.TrySetResult();
                if (_memory.Works == dialer.Transport || (fault = await ProveAsync(tunnel, cancellationToken).ConfigureAwait(false)) is null)
                {
                    LogWorks(dialer.Transport);
                    _memory.Works = dialer.Transport;
                    return dial;
                }
            }

            LogFailed(dialer.Transport, fault.Message);
            _onFailed?.Invoke(dialer.Transport, fault);
            if (!OtherTransportMayWork(fault))
            {
                return new TunnelDialResult(fault);
            }

            failures.Add((dialer.Transport, fault));
        }

        return new TunnelDialResult(Combine(failures));
    }

    private List<ITunnelDialer> InOrder()
    {
        string? works = _memory.Works;
        return [.. _dialers.OrderBy(dialer => dialer.Transport != works)];
    }

    /// <summary>
    /// Finds out whether bytes get to the pod and back: there are proxies that let an upgrade pass and then close the connection, or
    /// drop what they do not understand.
    /// </summary>
    /// <returns>Null when they do. If not, the tunnel is disposed.</returns>
    private async Task<TunnelFault?> ProveAsync(ITunnel tunnel, CancellationToken cancellationToken)
    {
        string? wrong = null;
        using var limit = new CancellationTokenSource(_options.ProofTimeout, _options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            if (await tunnel.PingAsync(either.Token).ConfigureAwait(false))
            {
                return null;
            }

            wrong = "the server switched protocols and then ended the connection";
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            wrong = $"the server switched protocols, but nothing came back within {_options.ProofTimeout.TotalSeconds:0.#} s";
        }
        finally
        {
            if (wrong is not null || cancellationToken.IsCancellationRequested)
            {
                await tunnel.DisposeAsync().ConfigureAwait(false);
            }
        }

        return new TunnelFault(TunnelFaultKind.BadUpgrade, wrong);
    }

    /// <summary>
    /// A server that refuses one upgrade may accept another. One that cannot be reached, does not know the pod or the user, or
    /// asks to wait says the same to every transport.
    /// </summary>
    private static bool OtherTransportMayWork(TunnelFault fault) =>
        fault.Kind is TunnelFaultKind.BadUpgrade
        || (fault.Kind is TunnelFaultKind.Refused
            && fault.StatusCode is not (HttpStatusCode.Unauthorized or HttpStatusCode.NotFound or HttpStatusCode.TooManyRequests));

    private TunnelFault Combine(List<(string Transport, TunnelFault Fault)> failures)
    {
        TunnelFault first = failures[0].Fault;
        if (failures.TrueForAll(failure => failure.Fault.Kind == TunnelFaultKind.Refused && failure.Fault.StatusCode == first.StatusCode))
        {
            return failures.Find(failure => failure.Transport == SpdyUpgradeDialer.Name).Fault ?? first;
        }

        return failures.Count == 1
            ? first
            : new TunnelFault(TunnelFaultKind.BadUpgrade, $"no transport works: {string.Join("; ", failures.Select(failure => $"{failure.Transport}: {_describe(failure.Fault)}"))}");
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Transport {Transport} works")]
    private partial void LogWorks(string transport);

    [LoggerMessage(Level = LogLevel.Information, Message = "Transport {Transport} does not work here: {Reason}")]
    private partial void LogFailed(string transport, string reason);
}
