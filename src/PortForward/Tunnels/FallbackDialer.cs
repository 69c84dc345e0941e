using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace PortForward.Tunnels;

/// <summary>
/// Tries several transports in order until one works, and begins with that one from then on. Servers before 1.31 refuse the WebSocket tunnel. Proxies drop one
/// upgrade or the other, or what comes after it. A user may have the right to one of them only.
/// </summary>
internal sealed partial class FallbackDialer : ITunnelDialer
{
    private readonly IReadOnlyList<ITunnelDialer> _dialers;
    private readonly TransportMemory _memory;
    private readonly TunnelDialOptions _options;
    private readonly Action<string, TunnelFault>? _onFailed;
    private readonly Func<TunnelFault, RefusalMeaning> _read;
    private readonly ILogger _logger;
    private readonly TaskCompletionSource _accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Creates a dialer from others.</summary>
    /// <param name="dialers">The transports, the preferred one first; at least one.</param>
    /// <param name="memory">What has worked, shared with the dialers to other pods of the same server; its own if null.</param>
    /// <param name="options">Limits; the defaults if null.</param>
    /// <param name="onFailed">Called with the name of each transport that does not work, and why; nobody if null.</param>
    /// <param name="read">Says what a refusal means; unknown for all of them if null.</param>
    /// <param name="logger">For diagnostics; none if null.</param>
    public FallbackDialer(
        IReadOnlyList<ITunnelDialer> dialers, TransportMemory? memory = null, TunnelDialOptions? options = null,
        Action<string, TunnelFault>? onFailed = null, Func<TunnelFault, RefusalMeaning>? read = null, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(dialers);
        ArgumentOutOfRangeException.ThrowIfZero(dialers.Count, nameof(dialers));
        _dialers = dialers;
        _memory = memory ?? new TransportMemory();
        _options = options ?? new TunnelDialOptions();
        _onFailed = onFailed;
        _read = read ?? (_ => RefusalMeaning.Unknown);
        _logger = logger ?? NullLogger.Instance;
    }

    /// <inheritdoc/>
    public string Transport => InOrder(_memory.Works)[0].Transport;

    /// <inheritdoc/>
    public Task Accepted => _accepted.Task;

    /// <inheritdoc/>
    /// <remarks>
    /// Each transport has its own limits for its dial and for its proof, so that the last one is tried however long the others have taken. A refusal leads to
    /// the next transport whatever its status, as in kubectl. If it asks to slow down, that happens only once; then the server gets the wait that it asks for.
    /// </remarks>
    public async Task<Attempt<ITunnel>> DialAsync(CancellationToken cancellationToken)
    {
        string? remembered = _memory.Works;
        List<TransportFailure> failures = [];
        foreach (ITunnelDialer dialer in InOrder(remembered))
        {
            Attempt<ITunnel> dial = await DialInTimeAsync(dialer, cancellationToken).ConfigureAwait(false);
            if (dial.Succeeded(out ITunnel? tunnel, out TunnelFault? fault))
            {
                _memory.Accepted = dialer.Transport;
                _accepted.TrySetResult();
                if (dialer.Transport == remembered)
                {
                    _ = ForgetIfNothingReceivedAsync(dialer.Transport, tunnel);
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
            var failure = new TransportFailure(dialer.Transport, fault, _read(fault));
            failures.Add(failure);
            if (!TransportFailures.OtherMayWork(failure) || (fault.StatusCode == HttpStatusCode.TooManyRequests && !_memory.MayPassThrottling()))
            {
                break;
            }

            if (TransportFailures.IsLasting(fault))
            {
                _memory.Forget(dialer.Transport);
            }
        }

        return new Attempt<ITunnel>(TransportFailures.Combine(failures));
    }

    /// <summary>Whether another transport may work where one has failed.</summary>
    /// <param name="fault">Why it does not work.</param>
    /// <param name="meaning">What the refusal says.</param>
    public static bool OtherTransportMayWork(TunnelFault fault, RefusalMeaning meaning) => TransportFailures.OtherMayWork(new TransportFailure("", fault, meaning));

    private List<ITunnelDialer> InOrder(string? remembered) => [.. _dialers.OrderBy(dialer => dialer.Transport != remembered)];

    private async Task<Attempt<ITunnel>> DialInTimeAsync(ITunnelDialer dialer, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(_options.DialTimeout, _options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            return await dialer.DialAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return new Attempt<ITunnel>(new TunnelFault(TunnelFaultKind.TimedOut, $"the server did not answer within {_options.DialTimeout.TotalSeconds:0.#} s"));
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
    /// A transport that has worked need not prove it for each tunnel. But if a tunnel ends before it has received a single byte, the network between here and
    /// the pod may have changed, and the next tunnel has to prove it again.
    /// </summary>
    private async Task ForgetIfNothingReceivedAsync(string transport, ITunnel tunnel)
    {
        await tunnel.Completion.ConfigureAwait(false);
        if (!tunnel.HasReceived)
        {
            _memory.Forget(transport);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Transport {Transport} works")]
    private partial void LogWorks(string transport);

    [LoggerMessage(Level = LogLevel.Information, Message = "Transport {Transport} does not work here: {Reason}")]
    private partial void LogFailed(string transport, string reason);
}
