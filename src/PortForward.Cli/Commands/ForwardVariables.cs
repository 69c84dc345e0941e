using PortForward.Cluster;

namespace PortForward.Cli.Commands;

/// <summary>
/// Where the forwards of a run can be reached, as environment variables: <c>PF_DB_HOST</c>, <c>PF_DB_PORT</c>, <c>PF_DB_ADDR</c> for the first port of the forward
/// <c>db</c>, <c>PF_DB_5432_PORT</c> and <c>PF_DB_PG_PORT</c> for each; and for a service those that Kubernetes sets in a pod.
/// </summary>
internal static class ForwardVariables
{
    /// <summary>The variables, in the order of the forwards.</summary>
    /// <param name="forwards">The forwards, all ready.</param>
    /// <param name="isSet">Whether there is a variable of that name already; Kubernetes' ones do not take its place.</param>
    /// <exception cref="RunException">Two forwards would have the same variable.</exception>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(IEnumerable<Forward> forwards, Func<string, bool> isSet)
    {
        var variables = new Dictionary<string, (string Value, Forward Owner)>(StringComparer.Ordinal);
        Forward[] all = [.. forwards];
        foreach (Forward forward in all)
        {
            foreach ((string name, string value) in OwnOf(forward))
            {
                if (variables.TryGetValue(name, out (string Value, Forward Owner) taken) && taken.Owner != forward)
                {
                    throw new RunException($"the forwards {taken.Owner.Name} and {forward.Name} would both set {name}: give one of them another name, as in other={forward.Target}", CommandRun.NotStarted);
                }

                variables[name] = (value, forward);
            }
        }

        foreach (Forward forward in all)
        {
            foreach ((string name, string value) in KubernetesOf(forward).Where(variable => !isSet(variable.Name)))
            {
                variables.TryAdd(name, (value, forward));
            }
        }

        return [.. variables.Select(static variable => KeyValuePair.Create(variable.Key, variable.Value.Value))];
    }

    /// <summary>What a forward's name, or a port's, is in a variable.</summary>
    public static string Spell(string name) => string.Concat(name.Select(static letter => char.IsAsciiLetterOrDigit(letter) ? char.ToUpperInvariant(letter) : '_'));

    private static IEnumerable<(string Name, string Value)> OwnOf(Forward forward)
    {
        string prefix = $"PF_{Spell(forward.Name)}";
        yield return ($"{prefix}_HOST", forward.Host);
        yield return ($"{prefix}_PORT", $"{forward.Port}");
        yield return ($"{prefix}_ADDR", ForwardTemplates.AddressOf(forward));
        foreach (ForwardPort port in forward.Ports)
        {
            foreach (string? called in (string?[])[$"{port.Number}", port.Name])
            {
                if (called is not null)
                {
                    yield return ($"{prefix}_{Spell(called)}_PORT", $"{port.Local[0].Port}");
                }
            }
        }
    }

    /// <summary>Kubernetes' variables for a service, by the service's own name.</summary>
    private static IEnumerable<(string Name, string Value)> KubernetesOf(Forward forward)
    {
        const string Service = "service/";
        if (!forward.Target.StartsWith(Service, StringComparison.Ordinal))
        {
            yield break;
        }

        string prefix = $"{Spell(forward.Target[Service.Length..])}_SERVICE";
        yield return ($"{prefix}_HOST", forward.Host);
        yield return ($"{prefix}_PORT", $"{forward.Port}");
        foreach (ForwardPort port in forward.Ports.Where(static port => port.Name is not null))
        {
            yield return ($"{prefix}_PORT_{Spell(port.Name!)}", $"{port.Local[0].Port}");
        }
    }
}
