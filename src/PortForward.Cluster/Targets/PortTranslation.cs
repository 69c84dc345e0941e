using System.Globalization;
using PortForward.Cluster.Objects;
using PortForward.Forwarding;

namespace PortForward.Cluster.Targets;

/// <summary>
/// Turns the ports a user asks for into the ports of one pod. Names and a service's target ports are looked up per pod, since another revision may
/// number them otherwise. The rules and the errors are kubectl's, except that only TCP ports count: those are what port-forward dials.
/// </summary>
internal static class PortTranslation
{
    /// <summary>The ports of a pod that was named, or found through a workload.</summary>
    /// <param name="specs">What the user asks for.</param>
    /// <param name="pod">The pod.</param>
    /// <exception cref="ClusterException">The pod has no port of that name, or it is no TCP port.</exception>
    public static IReadOnlyList<PortMapping> ForPod(IReadOnlyList<PortSpec> specs, Pod pod)
    {
        ArgumentNullException.ThrowIfNull(specs);
        ArgumentNullException.ThrowIfNull(pod);
        return [.. specs.Select(spec =>
        {
            int number = spec.RemotePort is { } asked ? CheckDeclared(pod, asked, spec.Remote) : ContainerPort(pod, spec.Remote);
            return new PortMapping(spec.LocalPort ?? number, number, spec);
        })];
    }

    /// <summary>The ports of a pod behind a service: the service's ports, led to their target ports. A lone port listens on the service's number.</summary>
    /// <param name="specs">What the user asks for.</param>
    /// <param name="service">The service.</param>
    /// <param name="pod">The pod, one that the service selects.</param>
    /// <exception cref="ClusterException">The service has no such port, it is no TCP port, or the pod lacks the named target port.</exception>
    public static IReadOnlyList<PortMapping> ForService(IReadOnlyList<PortSpec> specs, Service service, Pod pod)
    {
        ArgumentNullException.ThrowIfNull(pod);
        return [.. ServicePorts(specs, service).Select(found =>
        {
            int target = pod.Endpoint is { } endpoint ? EndpointPort(service, found.Port, pod, endpoint) : TargetPort(service, found.Port, pod);
            return new PortMapping(found.Spec.LocalPort ?? found.Port.Number, target, found.Spec);
        })];
    }

    /// <summary>Checks what a service alone can tell, so that a mistyped port is refused before anything is waited for.</summary>
    /// <param name="specs">What the user asks for.</param>
    /// <param name="service">The service.</param>
    /// <exception cref="ClusterException">The service has no such port, or it is no TCP port.</exception>
    public static void CheckService(IReadOnlyList<PortSpec> specs, Service service) => ServicePorts(specs, service);

    /// <summary>What to know of a headless service whose target ports differ from its ports: its name leads clients straight to the pods, so they do not apply.</summary>
    /// <param name="specs">What the user asks for.</param>
    /// <param name="service">The service.</param>
    /// <param name="pod">The pod, one that the service selects.</param>
    /// <returns>One sentence for each such port.</returns>
    internal static IEnumerable<string> HeadlessNotes(IReadOnlyList<PortSpec> specs, Service service, Pod pod)
    {
        if (!IsHeadless(service))
        {
            yield break;
        }

        foreach ((PortSpec spec, ServicePort port) in ServicePorts(specs, service))
        {
            if (DeclaredTarget(port, pod) is not { } target || target == port.Number)
            {
                continue;
            }

            string local = spec.Path is { } path ? $"{SocketFile.Prefix}{path}:"
                : spec.LocalPort switch { null => $"{port.Number}:", 0 => ":", { } number => $"{number}:" };
            yield return $"service {service.Metadata?.Name} is headless: its port {port.Number} leads to port {port.Number} of the pod and not to its targetPort {port.TargetPort}; "
                + $"use pod/{PodFacts.NameOf(pod)} {local}{target} for that one";
        }
    }

    /// <summary>What a port is called, and its number, where the user has asked for it: in the service, or in the pod.</summary>
    /// <param name="mapping">The port.</param>
    /// <param name="service">The service; null if the target is none.</param>
    /// <param name="pod">The pod.</param>
    internal static (string? Name, int Number) Identify(PortMapping mapping, Service? service, Pod pod)
    {
        if (service is not null)
        {
            ServicePort port = ServicePorts([mapping.Spec], service)[0].Port;
            return (string.IsNullOrEmpty(port.Name) ? null : port.Name, port.Number);
        }

        ContainerPort? declared = PortsOf(pod.Spec?.Containers).Concat(PortsOf(pod.Spec?.InitContainers))
            .FirstOrDefault(port => port.Number == mapping.PodPort && IsTcp(port.Protocol) && !string.IsNullOrEmpty(port.Name));
        return (declared?.Name, mapping.PodPort);
    }

    private static List<(PortSpec Spec, ServicePort Port)> ServicePorts(IReadOnlyList<PortSpec> specs, Service service)
    {
        ArgumentNullException.ThrowIfNull(specs);
        ArgumentNullException.ThrowIfNull(service);
        IList<ServicePort> ports = service.Spec?.Ports ?? [];
        return [.. specs.Select(spec =>
        {
            ServicePort[] entries = [.. ports.Where(port => spec.RemotePort is { } number ? port.Number == number : port.Name == spec.Remote)];
            return entries.Length > 0
                ? (spec, FirstTcp(entries, port => port.Protocol, spec.Remote))
                : throw new ClusterException(spec.RemotePort is { } missing
                    ? $"Service {service.Metadata?.Name} does not have a service port {missing}"
                    : $"Service '{service.Metadata?.Name}' does not have a named port '{spec.Remote}'") { IsPortMissing = true };
        })];
    }

    private static bool IsHeadless(Service service) => service.Spec?.ClusterIP == "None";

    private static int TargetPort(Service service, ServicePort port, Pod pod)
    {
        if (IsHeadless(service) || string.IsNullOrEmpty(port.TargetPort))
        {
            return port.Number;
        }

        if (!TryReadNumber(port.TargetPort, out int number))
        {
            return ContainerPort(pod, port.TargetPort);
        }

        return number == 0 ? port.Number : number;
    }

    /// <summary>The port of an endpoint slice that has the name of a service's port. Where the slice leaves the number out, the service says it.</summary>
    private static int EndpointPort(Service service, ServicePort port, Pod pod, PodEndpoint endpoint)
    {
        EndpointPort[] entries = [.. endpoint.Ports.Where(entry => (entry.Name ?? "") == (port.Name ?? ""))];
        if (entries.Length > 0)
        {
            return FirstTcp(entries, entry => entry.Protocol, $"{port.Number}").Port ?? TargetPort(service, port, pod);
        }

        string called = string.IsNullOrEmpty(port.Name) ? "without a name" : $"named '{port.Name}'";
        throw new ClusterException(
            $"no endpoint slice that leads to pod {PodFacts.NameOf(pod)} has a port {called}, as port {port.Number} of service {service.Metadata?.Name} is: add it to the slice");
    }

    /// <summary>The number of a service port's target as it is declared; null where nothing, or nothing in this pod, is.</summary>
    private static int? DeclaredTarget(ServicePort port, Pod pod)
    {
        if (string.IsNullOrEmpty(port.TargetPort))
        {
            return null;
        }

        if (TryReadNumber(port.TargetPort, out int number))
        {
            return number == 0 ? null : number;
        }

        return NamedPorts(pod, port.TargetPort).FirstOrDefault(named => IsTcp(named.Protocol))?.Number;
    }

    private static bool TryReadNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static int ContainerPort(Pod pod, string name)
    {
        ContainerPort[] entries = [.. NamedPorts(pod, name)];
        return entries.Length > 0
            ? FirstTcp(entries, port => port.Protocol, name).Number
            : throw new ClusterException($"Pod '{PodFacts.NameOf(pod)}' does not have a named port '{name}'") { IsPortMissing = true };
    }

    /// <summary>Refuses a number that the pod declares for other protocols only. One that it does not declare may be listened on all the same.</summary>
    private static int CheckDeclared(Pod pod, int number, string asked)
    {
        ContainerPort[] entries = [.. PortsOf(pod.Spec?.Containers).Where(port => port.Number == number)];
        if (entries.Length > 0)
        {
            FirstTcp(entries, port => port.Protocol, asked);
        }

        return number;
    }

    private static IEnumerable<ContainerPort> NamedPorts(Pod pod, string name) =>
        PortsOf(pod.Spec?.Containers).Concat(PortsOf(pod.Spec?.InitContainers)).Where(port => port.Name == name);

    private static IEnumerable<ContainerPort> PortsOf(IEnumerable<Container>? containers) => (containers ?? []).SelectMany(container => container.Ports ?? []);

    /// <summary>The first TCP port among those that a number or a name leads to.</summary>
    private static T FirstTcp<T>(T[] entries, Func<T, string?> protocolOf, string asked)
        where T : class =>
        Array.Find(entries, entry => IsTcp(protocolOf(entry))) ?? throw new ClusterException($"{protocolOf(entries[0])} protocol is not supported for {asked}");

    /// <summary>The API server fills in TCP where nothing is said.</summary>
    private static bool IsTcp(string? protocol) => protocol is null or "" or "TCP";
}
