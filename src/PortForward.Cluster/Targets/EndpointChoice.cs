using System.Net;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>Which pods a service without a selector leads to now, by its endpoint slices.</summary>
/// <param name="Pods">The pods, each with what the slices say of it.</param>
/// <param name="Outside">Where the service leads if it leads to no pod of its namespace; null if it leads to one, or nowhere.</param>
internal sealed record EndpointChoice(IReadOnlyCollection<Pod> Pods, OutsideEndpoint? Outside)
{
    /// <summary>How good an endpoint is for new connections, the best first.</summary>
    private enum Rank
    {
        Ready,
        Serving,
        Terminating,
        Unready,
    }

    /// <summary>
    /// Chooses among all endpoints of all slices: those that are ready, else those that serve, and of these the terminating ones last. Only if no endpoint takes
    /// connections those that do not are as good as any. Worse endpoints do not count, wherever the better ones lead.
    /// </summary>
    /// <param name="slices">The service's slices.</param>
    /// <param name="pods">The pods of the namespace.</param>
    /// <param name="namespace">The namespace.</param>
    public static EndpointChoice Of(IEnumerable<EndpointSlice> slices, IReadOnlyCollection<Pod> pods, string @namespace)
    {
        (Endpoint Endpoint, EndpointSlice Slice, Rank Rank)[] all = [..
            from slice in slices.OrderBy(slice => slice.Metadata?.Name, StringComparer.Ordinal)
            from endpoint in slice.Endpoints ?? []
            select (endpoint, slice, RankOf(endpoint.Conditions))];
        Rank best = all.Select(one => one.Rank).DefaultIfEmpty(Rank.Unready).Min();
        (Endpoint Endpoint, EndpointSlice Slice, Rank)[] inForce = [.. all.Where(one => one.Rank == best)];
        Pod[] chosen = [..
            from one in inForce
            from pod in PodsOf(one.Endpoint, pods, @namespace)
            group one.Slice by pod into slicesOfPod
            select slicesOfPod.Key.At(new PodEndpoint(best != Rank.Unready, [.. slicesOfPod.SelectMany(slice => slice.Ports ?? [])]))];
        bool isPodAwaited = inForce.Any(one => IsPodOf(one.Endpoint.TargetRef, @namespace));
        OutsideEndpoint? outside = chosen.Length > 0 || isPodAwaited || inForce.Length == 0 ? null : OutsideEndpoint.Of(inForce[0].Endpoint, @namespace);
        return new EndpointChoice(chosen, outside);
    }

    /// <summary>
    /// A condition that nobody has set counts as the API says: an endpoint is ready, serves, and does not terminate. But one that is said not to be ready, and does not
    /// terminate, serves only if that is said, too, as for kube-proxy: so an operator takes the old primary out.
    /// </summary>
    private static Rank RankOf(EndpointConditions? conditions)
    {
        bool isReady = conditions?.Ready ?? true;
        bool isServing = isReady || (conditions?.Serving ?? conditions?.Terminating == true);
        return !isServing ? Rank.Unready
            : conditions?.Terminating == true ? Rank.Terminating
            : isReady ? Rank.Ready : Rank.Serving;
    }

    /// <summary>The pods that an endpoint leads to: the one that it names, else those that have its address, several if they share their node's.</summary>
    private static IEnumerable<Pod> PodsOf(Endpoint endpoint, IReadOnlyCollection<Pod> pods, string @namespace)
    {
        if (endpoint.TargetRef is { Kind: "Pod" } named)
        {
            return IsPodOf(named, @namespace) ? pods.Where(pod => IsNamed(pod, named)) : [];
        }

        // The address of a pod that has come to its end may be another one's by now.
        IPAddress[] addresses = [.. (endpoint.Addresses ?? []).Select(Parse).OfType<IPAddress>()];
        return pods.Where(pod => !PodFacts.IsOver(pod) && AddressesOf(pod).Any(addresses.Contains));
    }

    /// <summary>Whether a pod is the one that is named, and not its successor.</summary>
    private static bool IsNamed(Pod pod, EndpointReference named) =>
        PodFacts.NameOf(pod) == named.Name && (string.IsNullOrEmpty(named.Uid) || PodFacts.UidOf(pod) == named.Uid);

    private static bool IsPodOf(EndpointReference? reference, string @namespace) =>
        reference is { Kind: "Pod" } && (string.IsNullOrEmpty(reference.Namespace) || reference.Namespace == @namespace);

    private static IEnumerable<IPAddress> AddressesOf(Pod pod) =>
        (pod.Status?.PodIPs ?? []).Select(address => address.Ip).Append(pod.Status?.PodIP).Select(Parse).OfType<IPAddress>();

    private static IPAddress? Parse(string? text) => IPAddress.TryParse(text, out IPAddress? address) ? address : null;
}
