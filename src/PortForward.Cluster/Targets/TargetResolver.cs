using Microsoft.Extensions.Logging;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>
/// Leads from what the user asked for to a running pod and its ports. For a pod or a selector that is one request; for a service or a workload two, its own and
/// the list of its pods; for a service without a selector that of its endpoint slices too.
/// </summary>
/// <param name="api">The client.</param>
/// <param name="time">The clock for waits; the system's when null.</param>
/// <param name="logger">Diagnostics of the wait; none when null.</param>
/// <param name="feeds">The feeds of targets that are started together; none when null.</param>
internal sealed class TargetResolver(ApiClient api, TimeProvider? time = null, ILogger<TargetResolver>? logger = null, PodFeeds? feeds = null)
{
    /// <summary>Finds the pod that kubectl would choose, waits until it runs, and looks up its ports.</summary>
    /// <param name="reference">What the user asked for.</param>
    /// <param name="namespace">The namespace to look in.</param>
    /// <param name="ports">The ports the user asked for.</param>
    /// <param name="podRunningTimeout">How long to wait for a running pod (<c>--pod-running-timeout</c>), above zero.</param>
    /// <param name="progress">Receives what is waited for, whenever that changes; may be null.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="ClusterException">There is no such object or port, a right is missing, the server cannot be reached, or the time is up.</exception>
    public async Task<ResolvedTarget> ResolveAsync(
        TargetReference reference,
        string @namespace,
        IReadOnlyList<PortSpec> ports,
        TimeSpan podRunningTimeout,
        IProgress<PodWaitProgress>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(@namespace);
        ArgumentNullException.ThrowIfNull(ports);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(podRunningTimeout, TimeSpan.Zero);
        if (TargetReference.CheckName(@namespace, "namespace") is { } invalid)
        {
            throw new ClusterException(invalid);
        }

        TargetObject target = await ReadTargetAsync(api, reference, @namespace, cancellationToken).ConfigureAwait(false);

        // Ports that cannot be right are refused before anything is waited for.
        if (target.Service is not null)
        {
            PortTranslation.CheckService(ports, target.Service);
        }

        if (target.Pod is not null)
        {
            PortTranslation.ForPod(ports, target.Pod);
        }

        var wait = new PodWait(api, feeds, time ?? TimeProvider.System, logger);
        Pod pod = await wait.ForRunningPodAsync(target, podRunningTimeout, progress, cancellationToken).ConfigureAwait(false);

        List<string> notes = [];
        IReadOnlyList<PortMapping> mappings = WithoutRepetition(Translate(target, ports, pod), notes);
        if (target.Service is not null)
        {
            notes.AddRange(PortTranslation.HeadlessNotes(ports, target.Service, pod));
        }

        if (!PodFacts.IsReady(pod))
        {
            notes.Add($"pod {PodFacts.NameOf(pod)} is running but not ready ({PodFacts.WhyNotReady(pod)})");
        }

        return new ResolvedTarget(target, pod, mappings, notes);
    }

    /// <summary>Reads a target.</summary>
    /// <exception cref="ClusterException">It cannot be read, or it or its namespace does not exist.</exception>
    internal static async Task<TargetObject> ReadTargetAsync(ApiClient api, TargetReference reference, string @namespace, CancellationToken cancellationToken)
    {
        try
        {
            return await TargetObject.ReadAsync(api, reference, @namespace, cancellationToken).ConfigureAwait(false);
        }
        catch (ClusterException missing) when (missing.IsObjectMissing && @namespace != "default")
        {
            // kubectl asks this too: a mistyped namespace is the likelier mistake.
            throw await api.FindMissingNamespaceAsync(@namespace, cancellationToken).ConfigureAwait(false) ?? missing;
        }
    }

    /// <summary>The ports as they are in one of the target's pods.</summary>
    internal static IReadOnlyList<PortMapping> Translate(TargetObject target, IReadOnlyList<PortSpec> ports, Pod pod) =>
        target.Service is null ? PortTranslation.ForPod(ports, pod) : PortTranslation.ForService(ports, target.Service, pod);

    /// <summary>The first of each local port: kubectl too goes on with that one when it cannot listen a second time.</summary>
    private static List<PortMapping> WithoutRepetition(IReadOnlyList<PortMapping> mappings, List<string> notes)
    {
        var kept = new List<PortMapping>(mappings.Count);
        foreach (PortMapping mapping in mappings)
        {
            PortMapping? earlier = mapping.LocalPort == 0 || mapping.Spec.LastLocalPort is not null ? null
                : kept.Find(other => other.LocalPort == mapping.LocalPort && other.Spec.Address == mapping.Spec.Address && other.Spec.LastLocalPort is null);
            if (earlier is null)
            {
                kept.Add(mapping);
            }
            else if (earlier.PodPort != mapping.PodPort)
            {
                notes.Add($"local port {mapping.LocalPort} is asked for twice: {mapping.Spec} is left out, {earlier.Spec} has it");
            }
        }

        return kept;
    }
}
