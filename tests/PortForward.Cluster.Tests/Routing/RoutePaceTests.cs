using PortForward.Cluster.Routing;

namespace PortForward.Cluster.Tests.Routing;

public class RoutePaceTests
{
    [Theory]
    [InlineData(0, 5, 10)]
    [InlineData(1, 10, 20)]
    [InlineData(2, 20, 40)]
    [InlineData(3, 30, 60)]
    [InlineData(1_000_000, 30, 60)]
    public void The_waits_double(int times, int target, int pod)
    {
        RoutePace.LostTarget(times).Should().Be(TimeSpan.FromSeconds(target));
        RoutePace.FormerPod(times).Should().Be(TimeSpan.FromSeconds(pod));
    }
}
