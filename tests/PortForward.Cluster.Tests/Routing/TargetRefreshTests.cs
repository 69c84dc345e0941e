using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Objects;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Routing;

public sealed class TargetRefreshTests
{
    private readonly FakeTimeProvider _time = new();

    [Theory]
    // What may lead elsewhere is read every 15 s, as long as it is followed.
    [InlineData("service", false, true, new[] { 15, 30, 45 })]
    [InlineData("stateful set", false, true, new[] { 15, 30, 45 })]
    [InlineData("service", false, false, new int[0])]
    [InlineData("deployment", false, true, new int[0])]
    // What is lost is read ever more slowly, unless it is a pod, which the watch sees.
    [InlineData("service", true, true, new[] { 5, 15, 35 })]
    [InlineData("deployment", true, true, new[] { 5, 15, 35 })]
    [InlineData("deployment", true, false, new[] { 5, 15, 35 })]
    [InlineData("pod", true, true, new int[0])]
    public void A_target_is_read_again(string target, bool isLost, bool follows, int[] seconds)
    {
        TargetObject read = target switch
        {
            "service" => TestTargets.Deployment with { Service = new Service() },
            "stateful set" => TestTargets.Deployment with { UpdateRevision = "2" },
            "pod" => TestTargets.Pod("a"),
            _ => TestTargets.Deployment,
        };
        var refresh = new TargetRefresh(_time);

        ReadAt(refresh, read, isLost, follows).Should().Equal(seconds);
    }

    [Fact]
    public void After_the_target_was_back_the_next_loss_is_read_about_quickly_again()
    {
        var refresh = new TargetRefresh(_time);
        ReadAt(refresh, TestTargets.Deployment, isLost: true, follows: true);

        refresh.Reset();

        ReadAt(refresh, TestTargets.Deployment, isLost: true, follows: true)[0].Should().BeLessThanOrEqualTo(5);
    }

    /// <summary>The seconds of the next 45 at which the target is read.</summary>
    private List<int> ReadAt(TargetRefresh refresh, TargetObject target, bool isLost, bool follows)
    {
        List<int> seconds = [];
        for (int second = 1; second <= 45; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            if (refresh.TakeDue(target, isLost, follows))
            {
                seconds.Add(second);
            }
        }

        return seconds;
    }
}
