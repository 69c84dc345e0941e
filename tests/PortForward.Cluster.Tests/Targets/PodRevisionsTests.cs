using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Targets;

public sealed class PodRevisionsTests
{
    private static Workload ReplicaSet(string deployment, string hash, string? revision) => new()
    {
        Metadata = new ObjectMeta
        {
            Name = $"{deployment}-{hash}",
            Labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["pod-template-hash"] = hash },
            Annotations = revision is null ? null : new Dictionary<string, string>(StringComparer.Ordinal) { ["deployment.kubernetes.io/revision"] = revision },
        },
    };

    [Fact]
    public void Without_other_knowledge_the_pod_created_last_is_of_the_newest_revision()
    {
        Pod old = Pods.Ready("old").OfRevision("aaa");
        Pod young = Pods.Ready("young").OfRevision("bbb").Created(1);

        PodRevisions revisions = PodRevisions.Among([young, old]);

        revisions.IsNewest(young).Should().BeTrue();
        revisions.IsNewest(old).Should().BeFalse();
    }

    [Fact]
    public void Replica_sets_know_better_as_after_a_rollback()
    {
        Pod back = Pods.Ready("back").OfRevision("aaa");
        Pod bad = Pods.Ready("bad").OfRevision("bbb").Created(1);

        PodRevisions revisions = PodRevisions.Among([back, bad], [ReplicaSet("web", "aaa", "10"), ReplicaSet("web", "bbb", "9"), ReplicaSet("web", "ccc", null)]);

        revisions.IsNewest(back).Should().BeTrue();
        revisions.IsNewest(bad).Should().BeFalse();
    }

    [Fact]
    public void A_stateful_set_says_which_revision_it_is_moving_to()
    {
        Pod first = Pods.Ready("db-0").OfRevision("db-old", "StatefulSet", "db").Created(9);
        Pod second = Pods.Ready("db-1").OfRevision("db-new", "StatefulSet", "db");

        PodRevisions revisions = PodRevisions.Among([first, second], updateRevision: "db-new");

        revisions.IsNewest(first).Should().BeFalse();
        revisions.IsNewest(second).Should().BeTrue();
    }

    [Fact]
    public void A_services_owners_are_compared_each_with_itself_only()
    {
        Pod blue = Pods.Ready("blue").OfRevision("aaa", owner: "blue");
        Pod green = Pods.Ready("green").OfRevision("bbb", owner: "green").Created(100);
        Pod agent = Pods.Ready("agent").OfRevision("ccc", "DaemonSet", "agent").Created(200);
        Pod bare = Pods.Ready("bare").Created(-100);

        PodRevisions revisions = PodRevisions.Among([blue, green, agent, bare]);

        new[] { blue, green, agent, bare }.Should().OnlyContain(pod => revisions.IsNewest(pod));
    }

    [Fact]
    public void A_pod_that_was_not_there_before_is_not_held_to_be_old() =>
        PodRevisions.Among([]).IsNewest(Pods.Ready("a").OfRevision("aaa")).Should().BeTrue();
}
