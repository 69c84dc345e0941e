using PortForward.Cli.Startup;

namespace PortForward.Cli.Tests.Startup;

public sealed class DescriptorBudgetTests
{
    [Theory]
    [InlineData(65_536, 14, 2, 256, 256, 65_244)]
    [InlineData(1024, 14, 2, 256, 256, 732)]
    [InlineData(1024, 14, 2, 1, 1, 987)]
    [InlineData(256, 14, 2, 256, 73, 147)]
    [InlineData(64, 10, 1, 256, 11, 22)]
    [InlineData(64, 40, 1, 256, 1, 2)] // Others have left theirs to the program.
    [InlineData(16, 14, 2, 256, 1, 1)]
    public void There_is_a_descriptor_for_the_tunnel_of_everybody_who_is_accepted(int limit, int inUse, int listeners, int maxTunnels, int tunnels, int connections)
    {
        DescriptorBudget.For((ulong)limit, inUse, listeners, maxTunnels).Should().Be(new DescriptorBudget(tunnels, connections));
    }

    [Fact]
    public void Without_a_limit_it_is_the_users_own()
    {
        DescriptorBudget.For(limit: null, inUse: 14, listeners: 2, maxTunnels: 300).Should().Be(new DescriptorBudget(300, int.MaxValue));
        DescriptorBudget.For(ulong.MaxValue, inUse: 14, listeners: 2, maxTunnels: 300).MaxTunnels.Should().Be(300);
    }
}
