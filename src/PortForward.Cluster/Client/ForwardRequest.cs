using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cluster;

/// <summary>What a forward is asked for, read from its texts and checked as far as that is possible without a cluster.</summary>
/// <param name="Target">The target.</param>
/// <param name="Namespace">The target's namespace.</param>
/// <param name="Ports">The target's ports; at least one.</param>
/// <param name="Addresses">Where to listen; at least one.</param>
/// <param name="Options">Everything else.</param>
internal sealed record ForwardRequest(
    TargetReference Target, string Namespace, IReadOnlyList<PortSpec> Ports, IReadOnlyList<ListenAddress> Addresses, ForwardOptions Options)
{
    /// <summary>What the forward is to be called; null if nothing was said.</summary>
    public string? Name => Options.Name;

    /// <summary>How long a tunnel may be silent before it counts as dead, if the options do not say it.</summary>
    public required TimeSpan LivenessTimeout { get; init; }

    /// <summary>Reads the texts.</summary>
    /// <exception cref="FormatException">One of them is malformed; the message says how, in one sentence.</exception>
    /// <exception cref="ArgumentException">There is no port, or an option makes no sense.</exception>
    public static ForwardRequest Read(string target, IReadOnlyList<string> ports, ForwardOptions options, string @namespace, TimeSpan livenessTimeout)
    {
        ForwardOptions.Check(options);
        return ports.Count == 0
            ? throw new ArgumentException("At least one port is needed, such as \":5432\" or \"8080:80\".", nameof(ports))
            : new ForwardRequest(
                TargetReference.Parse(target),
                options.Namespace ?? @namespace,
                [.. ports.Select(PortSpec.Parse)],
                ListenAddress.Parse(options.Addresses),
                options)
            {
                LivenessTimeout = livenessTimeout,
            };
    }
}
