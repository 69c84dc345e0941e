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
    public string Transport => InOrder(_memory.Works)[0].Transport;

    /// <inheritdoc/>
    public Task Accepted => _accepted.Task;

    /// <inheritdoc/>
    /// <remarks>
    /// Each transport has limits of its own for its dial and for its proof: the last one is tried however long the others have taken. When all refuse
    /// with the same words, SPDY's answer counts, as for kubectl: it names the right that is missing on every server. Otherwise each one's reason is told.
    /// </remarks>
    public async Task<TunnelDialResult> DialAsync(CancellationToken cancellationToken)
    {
        string? remembered = _memory.Works;
        List<(string Transport, TunnelFault Fault)> failures = [];
        foreach (ITunnelDialer dialer in InOrder(remembered))
        {
            TunnelDialResult dial = await DialInTimeAsync(dialer, cancellationToken).ConfigureAwait(false);
            if (dial.Succeeded(out ITunnel? tunnel, out TunnelFault? fault))
            {
                _memory.Accepted = dialer.Transport;
                _accepted.TrySetResult();
                if (dialer.Transport == remembered)
                {
                    _ = ForgetIfMuteAsync(dialer.Transport, tunnel);
                    return dial;
                }

                fault = await ProveAsync(tunnel, cancellationToken).ConfigureAwait(false);
                if (fault is null)
                {
                    LogWorks(dialer.Transport);
                    _memory.Remember(dialer.Transport);
                    return dial;
                }
            }

            LogFailed(dialer.Transport, fault.Message);
            _onFailed?.Invoke(dialer.Transport, fault);
            failures.Add((dialer.Transport, fault));
            if (!OtherTransportMayWork(fault))
            {
                return new TunnelDialResult(EndedBy(fault, failures));
            }

            if (IsLasting(fault))
            {
                _memory.Forget(dialer.Transport);
            }
        }

        return new TunnelDialResult(Combine(failures));
    }

    private List<ITunnelDialer> InOrder(string? remembered) => [.. _dialers.OrderBy(dialer => dialer.Transport != remembered)];

    private async Task<TunnelDialResult> DialInTimeAsync(ITunnelDialer dialer, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(_options.DialTimeout, _options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            return await dialer.DialAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return new TunnelDialResult(new TunnelFault(TunnelFaultKind.TimedOut, $"the server did not answer within {_options.DialTimeout.TotalSeconds:0.#} s"));
        }
    }

    /// <summary>
    /// Finds out whether bytes get to the pod and back: there are proxies that let an upgrade pass and then close the connection, or
    /// drop what they do not understand.
    /// </summary>
    /// <returns>Null when they do. If not, the tunnel is disposed.</returns>
    private async Task<TunnelFault?> ProveAsync(ITunnel tunnel, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(_options.ProofTimeout, _options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        string wrong = "the server switched protocols and then ended the connection";
        try
        {
            if (await tunnel.PingAsync(either.Token).ConfigureAwait(false))
            {
                return null;
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            wrong = $"the server switched protocols, but nothing came back within {_options.ProofTimeout.TotalSeconds:0.#} s";
        }
        catch
        {
            await tunnel.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        await tunnel.DisposeAsync().ConfigureAwait(false);
        return new TunnelFault(TunnelFaultKind.BadUpgrade, wrong);
    }

    /// <summary>
    /// A transport that has worked need not prove it for each tunnel. But if a tunnel ends before a single byte has come out of it, what stands between here
    /// and the pod may have changed, and the next one proves it again.
    /// </summary>
    private async Task ForgetIfMuteAsync(string transport, ITunnel tunnel)
    {
        await tunnel.Completion.ConfigureAwait(false);
        if (tunnel.IsMute)
        {
            _memory.Forget(transport);
        }
    }

    /// <summary>
    /// A server that refuses one upgrade may accept another. One that cannot be reached, does not know the pod or the user, or
    /// asks to wait says the same to every transport.
    /// </summary>
    /// <param name="fault">Why a transport does not work.</param>
    public static bool OtherTransportMayWork(TunnelFault fault) =>
        fault.Kind is TunnelFaultKind.BadUpgrade
        || (fault.Kind is TunnelFaultKind.Refused
            && fault.StatusCode is not (HttpStatusCode.Unauthorized or HttpStatusCode.NotFound or HttpStatusCode.TooManyRequests));

    /// <summary>
    /// Whether a fault shows that a transport does not work here. A 5xx or a cut may be a server that is just being restarted, or a single broken node: another
    /// transport serves this once, but what has worked remains the first choice.
    /// </summary>
    private static bool IsLasting(TunnelFault fault) => !IsServerError(fault) && fault.Cause is null;

    private static bool IsServerError(TunnelFault fault) => fault is { Kind: TunnelFaultKind.Refused, StatusCode: >= HttpStatusCode.InternalServerError };

    /// <summary>The fault that ended the dial. One without an answer may be the transport's own, so that the others' reasons matter too.</summary>
    private TunnelFault EndedBy(TunnelFault fault, List<(string Transport, TunnelFault Fault)> failures) =>
        failures.Count > 1 && fault.StatusCode is null ? fault with { Message = List(failures), IsCombined = true } : fault;

    private TunnelFault Combine(List<(string Transport, TunnelFault Fault)> failures)
    {
        if (failures.Count == 1)
        {
            return failures[0].Fault;
        }

        TunnelFault telling = failures.Find(failure => failure.Transport == SpdyUpgradeDialer.Name).Fault ?? failures[0].Fault;
        if (SayTheSame(failures))
        {
            return telling;
        }

        // A pod behind a dead node answers each transport with another 5xx: whoever has another pod wants to know, and when to come back.
        TunnelFault fault = failures.TrueForAll(failure => IsServerError(failure.Fault)) ? telling : new TunnelFault(TunnelFaultKind.BadUpgrade, "");
        return fault with { Message = List(failures), IsCombined = true, RetryAfter = failures.Max(failure => failure.Fault.RetryAfter) };
    }

    /// <summary>Whether all refuse with one status and the same words, but for the verb of a missing right: a GET needs another one than a POST.</summary>
    private bool SayTheSame(List<(string Transport, TunnelFault Fault)> failures)
    {
        TunnelFault first = failures[0].Fault;
        string[] words = _describe(first).Split(' ');
        return failures.TrueForAll(failure =>
            failure.Fault.Kind == TunnelFaultKind.Refused
            && failure.Fault.StatusCode == first.StatusCode
            && _describe(failure.Fault).Split(' ') is var others
            && others.Length == words.Length
            && others.Zip(words).Count(pair => pair.First != pair.Second) <= 1);
    }

    private string List(List<(string Transport, TunnelFault Fault)> failures) =>
        $"no transport works: {string.Join("; ", failures.Select(failure => $"{failure.Transport}: {_describe(failure.Fault)}"))}";

    [LoggerMessage(Level = LogLevel.Debug, Message = "Transport {Transport} works")]
    private partial void LogWorks(string transport);

    [LoggerMessage(Level = LogLevel.Information, Message = "Transport {Transport} does not work here: {Reason}")]
    private partial void LogFailed(string transport, string reason);
}
