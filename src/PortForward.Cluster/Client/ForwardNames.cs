using PortForward.Cluster.Targets;

namespace PortForward.Cluster;

/// <summary>What the forwards of a set are called: as they were asked to be, else after their target.</summary>
internal static class ForwardNames
{
    /// <summary>
    /// The names in the order of the targets. Without a name a forward has that of its object; if others have it too, the type is put before it, as in <c>svc-web</c>;
    /// and if that does not help either, a number behind it.
    /// </summary>
    /// <param name="forwards">The name that was asked for, if any, and the target.</param>
    /// <exception cref="ArgumentException">Two were asked to have the same name.</exception>
    public static IReadOnlyList<string> Of(IReadOnlyList<(string? Name, TargetReference Target)> forwards)
    {
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach ((string? name, _) in forwards)
        {
            if (name is not null && !taken.Add(name))
            {
                throw new ArgumentException($"Two forwards are called {name}.", nameof(forwards));
            }
        }

        Dictionary<string, int> alike = forwards
            .Where(forward => forward.Name is null).CountBy(forward => forward.Target.DefaultName).ToDictionary(StringComparer.Ordinal);
        return [.. forwards.Select(forward => forward.Name ?? Free(forward.Target))];

        string Free(TargetReference target)
        {
            string typed = target.TypedName;
            string[] usual = alike[target.DefaultName] == 1 ? [target.DefaultName, typed] : [typed];
            IEnumerable<string> numbered = Enumerable.Range(2, forwards.Count).Select(number => $"{typed}-{number}");
            return usual.Concat(numbered).First(taken.Add);
        }
    }
}
