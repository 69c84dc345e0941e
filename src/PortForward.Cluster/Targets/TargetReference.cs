using System.Diagnostics.CodeAnalysis;

namespace PortForward.Cluster.Targets;

/// <summary>What the user wants to forward to: <c>TYPE/NAME</c>, <c>NAME</c> for a pod, or <c>selector/SELECTOR</c> for the pods of a label selector.</summary>
/// <remarks>
/// The types are known here, not discovered, so that a start costs no extra requests. Like kubectl's they come in singular, plural and short
/// form, without regard to case, also as <c>type.group</c> or <c>type.version.group</c>.
/// </remarks>
/// <param name="Kind">The object's type.</param>
/// <param name="Name">The object's name, or the selector.</param>
internal sealed record TargetReference(TargetKind Kind, string Name)
{
    /// <summary>Stands before a label selector.</summary>
    internal const string SelectorPrefix = "selector/";

    private const string UsableTypes = "pod, service, deployment, replicaset, statefulset, daemonset, job or replicationcontroller";

    private static readonly (string[] Names, string Group, TargetKind Kind)[] Types =
    [
        (["pods", "pod", "po"], "", TargetKind.Pod),
        (["services", "service", "svc"], "", TargetKind.Service),
        (["deployments", "deployment", "deploy"], "apps", TargetKind.Deployment),
        (["replicasets", "replicaset", "rs"], "apps", TargetKind.ReplicaSet),
        (["statefulsets", "statefulset", "sts"], "apps", TargetKind.StatefulSet),
        (["daemonsets", "daemonset", "ds"], "apps", TargetKind.DaemonSet),
        (["jobs", "job"], "batch", TargetKind.Job),
        (["replicationcontrollers", "replicationcontroller", "rc"], "", TargetKind.ReplicationController),
    ];

    /// <summary>Built-in types that exist on every server, but have no pods of their own.</summary>
    private static readonly (string[] Names, string Called)[] TypesWithoutPods =
    [
        (["configmaps", "configmap", "cm"], "configmap"),
        (["secrets", "secret"], "secret"),
        (["namespaces", "namespace", "ns"], "namespace"),
        (["nodes", "node", "no"], "node"),
        (["serviceaccounts", "serviceaccount", "sa"], "serviceaccount"),
        (["endpoints", "ep"], "endpoints object"),
        (["endpointslices", "endpointslice"], "endpointslice"),
        (["events", "event", "ev"], "event"),
        (["persistentvolumes", "persistentvolume", "pv"], "persistentvolume"),
        (["persistentvolumeclaims", "persistentvolumeclaim", "pvc"], "persistentvolumeclaim"),
        (["podtemplates", "podtemplate"], "podtemplate"),
        (["resourcequotas", "resourcequota", "quota"], "resourcequota"),
        (["limitranges", "limitrange", "limits"], "limitrange"),
        (["controllerrevisions", "controllerrevision"], "controllerrevision"),
        (["cronjobs", "cronjob", "cj"], "cronjob"),
        (["ingresses", "ingress", "ing"], "ingress"),
        (["ingressclasses", "ingressclass"], "ingressclass"),
        (["networkpolicies", "networkpolicy", "netpol"], "networkpolicy"),
        (["horizontalpodautoscalers", "horizontalpodautoscaler", "hpa"], "horizontalpodautoscaler"),
        (["poddisruptionbudgets", "poddisruptionbudget", "pdb"], "poddisruptionbudget"),
        (["roles", "role"], "role"),
        (["rolebindings", "rolebinding"], "rolebinding"),
        (["clusterroles", "clusterrole"], "clusterrole"),
        (["clusterrolebindings", "clusterrolebinding"], "clusterrolebinding"),
        (["storageclasses", "storageclass", "sc"], "storageclass"),
        (["customresourcedefinitions", "customresourcedefinition", "crd", "crds"], "customresourcedefinition"),
    ];

    /// <summary>What a forward to it is called if nobody has said anything else.</summary>
    internal string DefaultName => Kind == TargetKind.Selector ? "selector" : Name;

    /// <summary>The same with its type before it, in its shortest form.</summary>
    internal string TypedName => Kind == TargetKind.Selector ? DefaultName : $"{ShortType}-{Name}";

    private string ShortType => Kind == TargetKind.Pod ? "pod" : Types.First(type => type.Kind == Kind).Names.MinBy(static name => name.Length)!;

    /// <summary>Reads a target.</summary>
    /// <param name="text">The argument as the user gave it.</param>
    /// <exception cref="FormatException">It is no target; the message says why, in one sentence.</exception>
    public static TargetReference Parse(string text) =>
        TryParse(text, out TargetReference? target, out string? error) ? target : throw new FormatException(error);

    /// <summary>Reads a target.</summary>
    /// <param name="text">The argument as the user gave it.</param>
    /// <param name="target">The target.</param>
    /// <param name="error">Why it is none, in one sentence.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out TargetReference? target, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        target = null;
        if (text.StartsWith(SelectorPrefix, StringComparison.Ordinal))
        {
            string selector = text[SelectorPrefix.Length..].Trim();
            target = SelectorText.TryParse(selector, out _, out error) ? new TargetReference(TargetKind.Selector, selector) : null;
            return target is not null;
        }

        string[] parts = text.Split('/');
        if (parts.Length > 2)
        {
            error = "arguments in resource/name form may not have more than one slash";
            return false;
        }

        if (parts.Length == 2 && (parts[0].Length == 0 || parts[1].Length == 0 || parts[0].Contains(',', StringComparison.Ordinal)))
        {
            error = "arguments in resource/name form must have a single resource and name";
            return false;
        }

        TargetKind kind = TargetKind.Pod;
        if (parts.Length == 2 && !TryFindKind(parts[0], out kind, out error))
        {
            return false;
        }

        string name = parts[^1];
        error = CheckName(name);
        if (error is not null)
        {
            return false;
        }

        target = new TargetReference(kind, name);
        return true;
    }

    /// <summary>The canonical form: <c>deployment/web</c>.</summary>
    public override string ToString() => $"{Kind.ToString().ToLowerInvariant()}/{Name}";

    /// <summary>What keeps a name from being part of a path, in kubectl's words, or null.</summary>
    internal static string? CheckName(string name, string what = "resource name") => name switch
    {
        "" => $"{what} may not be empty",
        "." or ".." => $"invalid {what} \"{name}\": [may not be '{name}']",
        _ when name.Contains('/', StringComparison.Ordinal) => $"invalid {what} \"{name}\": [may not contain '/']",
        _ when name.Contains('%', StringComparison.Ordinal) => $"invalid {what} \"{name}\": [may not contain '%']",
        _ => null,
    };

    private static bool TryFindKind(string type, out TargetKind kind, [NotNullWhen(false)] out string? error)
    {
        string[] parts = type.Split('.', 2);
        string name = parts[0];
        string? group = parts.Length == 2 ? parts[1] : null;
        foreach ((string[] names, string typeGroup, TargetKind candidate) in Types)
        {
            if (!names.Contains(name, StringComparer.OrdinalIgnoreCase) || !IsGroup(group, typeGroup))
            {
                continue;
            }

            kind = candidate;
            error = null;
            return true;
        }

        kind = default;
        string? withoutPods = group is null
            ? TypesWithoutPods.FirstOrDefault(known => known.Names.Contains(name, StringComparer.OrdinalIgnoreCase)).Called
            : null;
        error = withoutPods is null
            ? $"the server doesn't have a resource type \"{name}\" with pods to forward to{Suggestion(name)}; use {UsableTypes}"
            : $"{("aeio".Contains(withoutPods[0], StringComparison.Ordinal) ? "an" : "a")} {withoutPods} has no pods to forward to; use {UsableTypes}";
        return false;
    }

    /// <summary>A type that is known, but not in the group that was given, is spelled well.</summary>
    private static string Suggestion(string type) =>
        Nearest.Of(type.ToLowerInvariant(), Types.SelectMany(static known => known.Names)) is { } near && !string.Equals(near, type, StringComparison.OrdinalIgnoreCase)
            ? $" (did you mean {near}?)"
            : "";

    /// <summary>
    /// Whether the text after the type's first dot means the group: nothing, the group or a beginning of it (as kubectl has it), or "v1." and the group.
    /// </summary>
    private static bool IsGroup(string? given, string group)
    {
        if (string.IsNullOrEmpty(given) || given == "v1." + group)
        {
            return true;
        }

        return group.StartsWith(given, StringComparison.Ordinal);
    }
}
