using System.Globalization;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>
/// Turns the ports a user asks for into the ports of one pod. Names and a service's target ports are looked up per pod, since another revision may
/// number them otherwise. The rules and the errors are kubectl's.
/// </summary>
public static class PortTranslation
{
    /// <summary>The ports of a pod that was named, or found through a workload.</summary>
    /// <param name="specs">What the user asks for.</param>
    /// <param name="pod">The pod.</param>
    /// <exception cref="ClusterException">The pod has no port of that name, or it is a UDP port.</exception>
    public static IReadOnlyList<PortMapping> ForPod(IReadOnlyList<PortSpec> specs, Pod pod)
    {
        ArgumentNullException.ThrowIfNull(specs);
        ArgumentNullException.ThrowIfNull(pod);
        ILookup<int, string?> protocols = (pod.Spec?.Containers ?? [])
            .SelectMany(container => container.Ports ?? [])
            .ToLookup(port => port.Number, port => port.Protocol);
        return [.. specs.Select(spec =>
        {
            int number = spec.RemotePort ?? ContainerPort(pod, spec.Remote);
            RefuseUdp(protocols[number], spec);
            return new PortMapping(spec.LocalPort ?? number, number, spec);
        })];
    }

    /// <summary>The ports of a pod behind a service: the service's ports, led to their target ports. A lone port listens on the service's number.</summary>
    /// <param name="specs">What the user asks for.</param>
    /// <param name="service">The service.</param>
    /// <param name="pod">The pod, one that the service selects.</param>
    /// <exception cref="ClusterException">The service has no such port, it is a UDP port, or the pod lacks the named target port.</exception>
    public static IReadOnlyList<PortMapping> ForService(IReadOnlyList<PortSpec> specs, Service service, Pod pod)
    {
        ArgumentNullException.ThrowIfNull(pod);
        return [.. ServicePorts(specs, service).Select(found =>
        {
            int target = TargetPort(service, found.Port, pod);
            return new PortMapping(found.Spec.LocalPort ?? found.Port.Number, target, found.Spec);
        })];
    }

    /// <summary>Checks what a service alone can tell, so that a mistyped port is refused before anything is waited for.</summary>
    /// <param name="specs">What the user asks for.</param>
    /// <param name="service">The service.</param>
    /// <exception cref="ClusterException">The service has no such port, or it is a UDP port.</exception>
    public static void CheckService(IReadOnlyList<PortSpec> specs, Service service) => ServicePorts(specs, service);

    private static List<(PortSpec Spec, ServicePort Port)> ServicePorts(IReadOnlyList<PortSpec> specs, Service service)
    {
        ArgumentNullException.ThrowIfNull(specs);
        ArgumentNullException.ThrowIfNull(service);
        IList<ServicePort> ports = service.Spec?.Ports ?? [];
        ILookup<int, string?> protocols = ports.ToLookup(port => port.Number, port => port.Protocol);
        return [.. specs.Select(spec =>
        {
            // A name leads to its number first, and the number to the first port that has it.
            int number = spec.RemotePort
                ?? ports.FirstOrDefault(port => port.Name == spec.Remote)?.Number
                ?? throw new ClusterException($"Service '{service.Metadata?.Name}' does not have a named port '{spec.Remote}'");
            RefuseUdp(protocols[number], spec);
            ServicePort found = ports.FirstOrDefault(port => port.Number == number)
                ?? throw new ClusterException($"Service {service.Metadata?.Name} does not have a service port {number}");
            return (spec, found);
        })];
    }

    private static int TargetPort(Service service, ServicePort port, Pod pod)
    {
        if (service.Spec?.ClusterIP == "None" || string.IsNullOrEmpty(port.TargetPort)) return port.Number;
        if (!int.TryParse(port.TargetPort, NumberStyles.None, CultureInfo.InvariantCulture, out int number)) return ContainerPort(pod, port.TargetPort);
        return number == 0 ? port.Number : number;
    }

    private static int ContainerPort(Pod pod, string name) =>
        (pod.Spec?.Containers ?? []).Concat(pod.Spec?.InitContainers ?? [])
            .SelectMany(container => container.Ports ?? [])
            .FirstOrDefault(port => port.Name == name)?.Number
        ?? throw new ClusterException($"Pod '{PodFacts.NameOf(pod)}' does not have a named port '{name}'");

    private static void RefuseUdp(IEnumerable<string?> protocols, PortSpec spec)
    {
        List<string?> all = [.. protocols];
        // The API server fills in TCP where nothing is said.
        if (all.Contains("UDP") && !all.Exists(protocol => protocol is null or "" or "TCP"))
        {
            throw new ClusterException($"UDP protocol is not supported for {spec.Remote}");
        }
    }
}
