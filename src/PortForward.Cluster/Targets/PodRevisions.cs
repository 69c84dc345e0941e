using System.Globalization;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Targets;

/// <summary>
/// Which revision of each owner is the newest one. Pods of a deployment carry their revision in the label <c>pod-template-hash</c>, those of stateful
/// and daemon sets in <c>controller-revision-hash</c>.
/// </summary>
internal sealed class PodRevisions
{
    private const string DeploymentRevision = "deployment.kubernetes.io/revision";

    private readonly Dictionary<string, string> _newest;

    private PodRevisions(Dictionary<string, string> newest) => _newest = newest;

    /// <summary>Finds the newest revisions. What is certain comes from the owners; without them the pod that was created last tells.</summary>
    /// <param name="pods">The pods.</param>
    /// <param name="replicaSets">The deployments' replica sets, which know their place in the order; null when they cannot be read.</param>
    /// <param name="updateRevision">A stateful set's <c>status.updateRevision</c>, when the pods are those of one.</param>
    public static PodRevisions Among(IEnumerable<Pod> pods, IEnumerable<Workload>? replicaSets = null, string? updateRevision = null)
    {
        ArgumentNullException.ThrowIfNull(pods);
        var newest = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (Pod pod in pods.OrderBy(pod => pod.Metadata?.CreationTimestamp ?? DateTime.MinValue))
        {
            if (RevisionOf(pod) is { } revision)
            {
                newest[OwnerOf(pod, revision)] = updateRevision ?? revision;
            }
        }

        foreach (Workload set in (replicaSets ?? []).OrderBy(Number))
        {
            if (set.Metadata is { } metadata && Label(metadata, "pod-template-hash") is { } hash)
            {
                newest[DeploymentKey(metadata.Name, hash)] = hash;
            }
        }

        return new PodRevisions(newest);

        static long Number(Workload set) =>
            set.Metadata?.Annotations?.TryGetValue(DeploymentRevision, out string? text) == true
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : 0;
    }

    /// <summary>Whether a pod is of its owner's newest revision. A pod without revisions is.</summary>
    /// <param name="pod">The pod.</param>
    public bool IsNewest(Pod pod)
    {
        ArgumentNullException.ThrowIfNull(pod);
        return RevisionOf(pod) is not { } revision || !_newest.TryGetValue(OwnerOf(pod, revision), out string? newest) || newest == revision;
    }

    private static string? RevisionOf(Pod pod) =>
        Label(pod.Metadata, "controller-revision-hash") ?? Label(pod.Metadata, "pod-template-hash");

    private static string? Label(ObjectMeta? metadata, string name) =>
        metadata?.Labels?.TryGetValue(name, out string? value) == true && !string.IsNullOrEmpty(value) ? value : null;

    /// <summary>What the revisions follow each other in. Each revision of a deployment has a replica set of its own, named after the deployment and the hash.</summary>
    private static string OwnerOf(Pod pod, string revision)
    {
        OwnerReference? owner = pod.Metadata?.OwnerReferences?.FirstOrDefault(reference => reference.Controller == true);
        return owner?.Kind == "ReplicaSet" ? DeploymentKey(owner.Name, revision) : $"{owner?.Kind}/{owner?.Name}";
    }

    private static string DeploymentKey(string replicaSet, string hash) =>
        "Deployment/" + (replicaSet.EndsWith("-" + hash, StringComparison.Ordinal) ? replicaSet[..^(hash.Length + 1)] : replicaSet);
}
