using PortForward.Cli.Names;
using PortForward.Cluster;
using PortForward.Cluster.Targets;

namespace PortForward.Cli.Commands;

/// <summary>
/// Where the forwards of a run can be reached, as environment variables: <c>PF_DB_HOST</c>, <c>PF_DB_PORT</c>, <c>PF_DB_ADDR</c> for the first port of the forward
/// <c>db</c>; <c>PF_DB_5432_HOST</c> and so on for each port, and by its name, as in <c>PF_DB_PG_PORT</c>; <c>PF_DB_PATH</c> for a socket file; and for a service those
/// that Kubernetes sets in a pod.
/// </summary>
internal static class ForwardVariables
{
    private static readonly string[] Fields = ["HOST", "PORT", "ADDR"];

    /// <summary>Checks, before anything is started, that no two forwards set the same variable, as far as their names and ports were written.</summary>
    /// <param name="forwards">The forwards' names, and their ports as they were written.</param>
    /// <returns>What is wrong, in one sentence; null if nothing is.</returns>
    public static string? FindConflict(IEnumerable<(string Name, IReadOnlyList<string> Ports)> forwards)
    {
        var owners = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string forward, IReadOnlyList<string> ports) in forwards)
        {
            IEnumerable<string> prefixes = ports.Select(port => PrefixOf(forward, PortSpec.Parse(port).Remote)).Prepend(PrefixOf(forward));
            foreach (string variable in prefixes.SelectMany(static prefix => Fields.Select(field => $"{prefix}_{field}")))
            {
                if (!owners.TryAdd(variable, forward) && owners[variable] != forward)
                {
                    return $"the forwards {owners[variable]} and {forward} would both set {variable}: give one of them another name, as in other=svc/web";
                }
            }
        }

        return null;
    }

    /// <summary>The variables, in the order of the forwards. Where the cluster's own names would lead to one that is there already, they do not take its place.</summary>
    /// <param name="forwards">The forwards, all ready.</param>
    /// <param name="isSet">Whether there is a variable of that name already; Kubernetes' ones do not take its place.</param>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(IReadOnlyCollection<Forward> forwards, Func<string, bool> isSet)
    {
        var variables = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        IEnumerable<(string Name, string Value)> own = [
            .. forwards.SelectMany(static forward => Describe(PrefixOf(forward.Name), forward.First)),
            .. PortsOf(forwards, static port => $"{port.Number}"),
            .. PortsOf(forwards, static port => port.Name)];
        foreach ((string name, string value) in own.Concat(forwards.SelectMany(KubernetesOf).Where(variable => !isSet(variable.Name))))
        {
            variables.TryAdd(name, value);
        }

        return [.. variables];
    }

    private static string PrefixOf(string forward) => $"PF_{ForwardName.InVariable(forward)}";

    private static string PrefixOf(string forward, string port) => $"PF_{ForwardName.InVariable(forward)}_{ForwardName.InVariable(port)}";

    private static IEnumerable<(string Name, string Value)> PortsOf(IReadOnlyCollection<Forward> forwards, Func<ForwardPort, string?> nameOf) =>
        from forward in forwards
        from port in forward.Ports
        where nameOf(port) is not null
        from variable in Describe(PrefixOf(forward.Name, nameOf(port)!), port)
        select variable;

    private static IEnumerable<(string Name, string Value)> Describe(string prefix, ForwardPort port) =>
        ForwardTemplates.Describe(port).Select(described => ($"{prefix}_{ForwardName.InVariable(described.Field)}", described.Value));

    /// <summary>Kubernetes' variables for a service, by the service's own name. They tell of addresses and ports, and not of socket files.</summary>
    private static IEnumerable<(string Name, string Value)> KubernetesOf(Forward forward)
    {
        const string Service = "service/";
        if (!forward.Target.StartsWith(Service, StringComparison.Ordinal) || forward.First.Path is not null)
        {
            yield break;
        }

        string prefix = $"{ForwardName.InVariable(forward.Target[Service.Length..])}_SERVICE";
        yield return ($"{prefix}_HOST", forward.Host);
        yield return ($"{prefix}_PORT", $"{forward.Port}");
        foreach (ForwardPort port in forward.Ports.Where(static port => port is { Name: not null, Path: null }))
        {
            yield return ($"{prefix}_PORT_{ForwardName.InVariable(port.Name!)}", $"{port.Local[0].Port}");
        }
    }
}
