using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Targets;

public sealed class PodSelectionTests
{
    /// <summary>Each row: what decides, the pod kubectl prefers, and the other, which is better in everything that counts less.</summary>
    private static readonly Dictionary<string, (Pod Preferred, Pod Other)> Pairs = new(StringComparer.Ordinal)
    {
        ["scheduled"] = (Pods.Pending("a"), Pods.Ready("b", pod => pod.Spec!.NodeName = null)),
        ["running before unknown"] = (Pods.Unready("a"), Pods.Ready("b", pod => pod.Status!.Phase = "Unknown")),
        ["unknown before pending"] = (Pods.InPhase("a", "Unknown"), Pods.Ready("b", pod => pod.Status!.Phase = "Pending")),
        ["ready, even while it is deleted"] = (Pods.Ready("a").Terminating(), Pods.Unready("b")),
        ["not being deleted"] = (Pods.Ready("a", pod => pod.Status!.Conditions![0].LastTransitionTime = Pods.Noon.AddHours(1)), Pods.Ready("b").Terminating()),
        ["deleted later"] = (Pods.Ready("a", pod => pod.Status!.Conditions![0].LastTransitionTime = Pods.Noon.AddHours(1)).Terminating(2), Pods.Ready("b").Terminating(1)),
        ["longer ready"] = (
            Pods.Ready("a", pod => pod.Status!.ContainerStatuses![0].RestartCount = 9),
            Pods.Ready("b", pod => pod.Status!.Conditions![0].LastTransitionTime = Pods.Noon.AddSeconds(1))),
        ["ready since a known time"] = (Pods.Ready("a", pod => pod.Status!.ContainerStatuses![0].RestartCount = 9), Pods.Ready("b", pod => pod.Status!.Conditions![0].LastTransitionTime = null)),
        ["fewer restarts"] = (Pods.Ready("a").Created(5), Pods.Ready("b", pod => pod.Status!.ContainerStatuses![0].RestartCount = 1)),
        ["fewer restarts of sidecars"] = (Pods.Ready("a").Created(5), Pods.Ready("b", pod => Restarted(pod, "Always"))),
        ["older, whatever ordinary init containers did"] = (Pods.Ready("a", pod => Restarted(pod, null)), Pods.Ready("b").Created(1)),
        ["created at a known time"] = (Pods.Ready("a").Created(5), Pods.Ready("b", pod => pod.Metadata!.CreationTimestamp = null)),
        ["pending, but scheduled, before over"] = (Pods.Pending("a"), Pods.Ready("b", pod => { pod.Status!.Phase = "Succeeded"; pod.Spec!.NodeName = null; })),
    };

    public static IEnumerable<object[]> Preferences => Pairs.Keys.Select(what => new object[] { what });

    private static void Restarted(Pod pod, string? policy)
    {
        pod.Spec!.InitContainers = [new Container { Name = "init", RestartPolicy = policy }];
        pod.Status!.InitContainerStatuses = [new ContainerStatus { Name = "init", RestartCount = 3 }];
    }

    [Theory]
    [MemberData(nameof(Preferences))]
    public void The_first_choice_is_kubectls(string what)
    {
        (Pod preferred, Pod other) = Pairs[what];
        PodSelection.First([preferred, other])!.Metadata!.Name.Should().Be("a", what);
        PodSelection.First([other, preferred])!.Metadata!.Name.Should().Be("a", what);
        PodSelection.Compare(other, preferred).Should().BeNegative(what);
    }

    [Fact]
    public void Among_equals_the_servers_order_decides()
    {
        PodSelection.First([Pods.Ready("a"), Pods.Ready("b"), Pods.Ready("c")])!.Metadata!.Name.Should().Be("a");
        PodSelection.First([]).Should().BeNull();
    }

    [Fact]
    public void The_order_is_a_total_one()
    {
        Pod[] pods = [.. Pairs.Values.SelectMany(pair => new[] { pair.Preferred, pair.Other }), new Pod()];
        foreach (Pod x in pods)
        {
            PodSelection.Compare(x, x).Should().Be(0);
            foreach (Pod y in pods)
            {
                Math.Sign(PodSelection.Compare(x, y)).Should().Be(-Math.Sign(PodSelection.Compare(y, x)));
                foreach (Pod z in pods)
                {
                    if (PodSelection.Compare(x, y) >= 0 && PodSelection.Compare(y, z) >= 0)
                    {
                        PodSelection.Compare(x, z).Should().BeGreaterThanOrEqualTo(0);
                    }
                }
            }
        }
    }

    private static readonly Dictionary<string, (Pod[] Pods, string? Expected)> Choices = new(StringComparer.Ordinal)
    {
        ["the newest revision"] = ([Pods.Ready("old").OfRevision("1"), Pods.Ready("new").OfRevision("2").Created(10)], "new"),
        ["an old pod that is ready before a new one that is not"] = ([Pods.Ready("old").OfRevision("1"), Pods.Unready("new").OfRevision("2").Created(10)], "old"),
        ["a new pod that is not ready before an old one that is going away"] = ([Pods.Ready("old").OfRevision("1").Terminating(), Pods.Unready("new").OfRevision("2").Created(10)], "new"),
        ["one that is going away before none"] = ([Pods.Ready("old").Terminating(), Pods.Pending("new")], "old"),
        ["nothing that does not run"] = ([Pods.Pending("a"), Pods.InPhase("b", "Succeeded"), Pods.InPhase("c", "Unknown")], null),
        ["kubectl's choice among equals"] = ([Pods.Ready("young").Created(5), Pods.Ready("old")], "old"),
        ["nothing from nothing"] = ([], null),
    };

    public static IEnumerable<object[]> LaterChoices => Choices.Keys.Select(what => new object[] { what });

    [Theory]
    [MemberData(nameof(LaterChoices))]
    public void A_later_choice_prefers(string what)
    {
        (Pod[] pods, string? expected) = Choices[what];
        PodSelection.Later(pods, PodRevisions.Among(pods))?.Metadata!.Name.Should().Be(expected, what);
        PodSelection.Later(pods.Reverse(), PodRevisions.Among(pods.Reverse()))?.Metadata!.Name.Should().Be(expected, what);
        (PodSelection.Later(pods, PodRevisions.Among(pods)) is null).Should().Be(expected is null, what);
    }
}
