using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Authentication;

/// <summary>The user to act as, as the headers that say so to the API server.</summary>
internal sealed class Impersonation
{
    private Impersonation(IReadOnlyList<KeyValuePair<string, IReadOnlyList<string>>> headers) => Headers = headers;

    /// <summary>The headers, each with its values; each value is to be sent on a line of its own.</summary>
    public IReadOnlyList<KeyValuePair<string, IReadOnlyList<string>>> Headers { get; }

    /// <summary>Puts flags and kubeconfig together; flags go first.</summary>
    /// <exception cref="ClusterException">Something is asked for without a user to act as, or cannot be sent in a header.</exception>
    public static Impersonation Resolve(Entry? user, ClusterOverrides flags)
    {
        string? name = flags.As ?? user?.Text("as");
        string? uid = flags.AsUid ?? user?.Text("as-uid");
        IReadOnlyList<string> groups = flags.AsGroups is [_, ..] ? flags.AsGroups : user?.List("as-groups") ?? [];
        List<KeyValuePair<string, string>> extra = Extra(user, flags);
        if (name is null && (uid is not null || groups.Count > 0 || extra.Count > 0))
        {
            throw Entry.Invalid($"requesting uid, groups or user-extra for {user?.Name ?? "the command line"} without impersonating a user: add --as");
        }

        var headers = new List<KeyValuePair<string, IReadOnlyList<string>>>();
        Add("Impersonate-User", name is null ? [] : [name]);
        Add("Impersonate-Uid", uid is null ? [] : [uid]);
        Add("Impersonate-Group", groups);
        foreach (IGrouping<string, string> values in extra.GroupBy(
            pair => $"Impersonate-Extra-{HeaderText.EscapeName(pair.Key)}", pair => pair.Value, StringComparer.OrdinalIgnoreCase))
        {
            Add(values.Key, [.. values]);
        }

        return new Impersonation(headers);

        void Add(string header, IReadOnlyList<string> values)
        {
            if (values.Any(HeaderText.HasControls))
            {
                throw new ClusterException($"the user to act as contains a line break or another control character (in {header}): remove it");
            }

            if (values.Count > 0)
            {
                headers.Add(KeyValuePair.Create(header, values));
            }
        }
    }

    private static List<KeyValuePair<string, string>> Extra(Entry? user, ClusterOverrides flags)
    {
        List<KeyValuePair<string, string>> extra = [.. flags.AsUserExtra];
        foreach (string key in user?.Mapping("as-user-extra")?.Fields.Keys ?? [])
        {
            if (!flags.AsUserExtra.Any(pair => pair.Key == key))
            {
                extra.AddRange(user!.List(user.Mapping("as-user-extra")!, key).Select(value => KeyValuePair.Create(key, value)));
            }
        }

        return extra;
    }
}
