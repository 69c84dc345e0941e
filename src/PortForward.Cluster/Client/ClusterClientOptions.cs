using Microsoft.Extensions.Logging;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;
using PortForward.Tunnels;

namespace PortForward.Cluster;

/// <summary>Which cluster a <see cref="ClusterClient"/> is for, as whom and how.</summary>
/// <remarks>It may hold secrets: its text form is empty.</remarks>
public sealed record ClusterClientOptions
{
    /// <summary>The kubeconfig file; if null, those of KUBECONFIG, else <c>~/.kube/config</c>.</summary>
    public string? Kubeconfig { get; init; }

    /// <summary>The context of the kubeconfig; its current one if null.</summary>
    public string? Context { get; init; }

    /// <summary>The namespace to look in; the context's if null.</summary>
    public string? Namespace { get; init; }

    /// <summary>
    /// Whether to use the service account of the pod that this process runs in, and no kubeconfig. If not, which is the default, that happens only where no kubeconfig
    /// names a server.
    /// </summary>
    public bool InCluster { get; init; }

    /// <summary>Everything else that kubectl's flags can say about the server and the user. What is said above goes first.</summary>
    public ClusterOverrides Overrides { get; init; } = new();

    /// <summary>How long a look-up or the opening of a tunnel may take; zero for no limit. It never ends a tunnel.</summary>
    public TimeSpan? RequestTimeout { get; init; }

    /// <summary>The transports to try, in their order: <c>websocket</c>, <c>spdy</c> and <c>channel</c> by default.</summary>
    public IReadOnlyList<string> Transports { get; init; } = TunnelDialers.AllTransports;

    /// <summary>How long a tunnel may be silent before it counts as dead, 15 s by default; it is pinged three times in that time.</summary>
    public TimeSpan LivenessTimeout { get; init; } = new TunnelDialOptions().LivenessTimeout;

    /// <summary>
    /// How many TLS connections to the API server are kept open in advance for two minutes after the last start or new tunnel, 6 by default; they save a burst of new
    /// tunnels two round trips. Zero for none.
    /// </summary>
    public int MaxWarmConnections { get; init; } = ClusterConnection.DefaultWarmConnections;

    /// <summary>
    /// The most tunnels, 256 by default, over all forwards and streams; at the limit connections share those that nothing blocks. Each pod that is in use may have one in
    /// any case.
    /// </summary>
    public int MaxTunnels { get; init; } = 256;

    /// <summary>For diagnostics; none if null.</summary>
    public ILoggerFactory? Loggers { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <inheritdoc/>
    public override string ToString() => nameof(ClusterClientOptions);

    /// <summary>How streams follow their target and are treated; what concerns listeners does not count. The usual options by default.</summary>
    internal ForwardOptions Dials { get; init; } = new();

    /// <summary>What the options say about the server and the user, in one.</summary>
    internal ClusterOverrides AllOverrides => Overrides with
    {
        Context = Context ?? Overrides.Context,
        Namespace = Namespace ?? Overrides.Namespace,
        RequestTimeout = RequestTimeout ?? Overrides.RequestTimeout,
    };

    /// <summary>Checks what no type can.</summary>
    /// <exception cref="ArgumentException">A transport is unknown, or a time-out makes no sense; the message says which, in one sentence.</exception>
    internal static void Check(ClusterClientOptions options)
    {
        if (options.Transports.Count == 0 || options.Transports.Except(TunnelDialers.AllTransports, StringComparer.Ordinal).Any())
        {
            throw new ArgumentException($"Transports must be one or more of {string.Join(", ", TunnelDialers.AllTransports)}.", nameof(options));
        }

        string? wrong =
            TimeoutRange.WhyWrong(options.LivenessTimeout, nameof(LivenessTimeout), isZeroAllowed: false)
            ?? TimeoutRange.WhyWrong(options.AllOverrides.RequestTimeout, nameof(RequestTimeout))
            ?? (options.MaxTunnels < 1 ? "MaxTunnels must be at least 1." : null)
            ?? (options.MaxWarmConnections < 0 ? "MaxWarmConnections must not be negative." : null)
            ?? (options is { InCluster: true, Overrides.Server: not null } ? "InCluster says which server it is: Overrides.Server must not be set." : null);
        if (wrong is not null)
        {
            throw new ArgumentException(wrong, nameof(options));
        }
    }
}
