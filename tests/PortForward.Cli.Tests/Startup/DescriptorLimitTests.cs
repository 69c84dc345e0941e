using PortForward.Cli.Startup;

namespace PortForward.Cli.Tests.Startup;

public sealed class DescriptorLimitTests
{
    private const ulong None = ulong.MaxValue;

    [Theory]
    [InlineData(64, 1024, None, 1024)]
    [InlineData(1024, 1_048_576, None, 65_536)]
    [InlineData(1024, None, None, 65_536)]
    [InlineData(256, None, 10_240, 10_240)] // macOS
    [InlineData(64, 64, None, 64)]
    [InlineData(1_048_576, 1_048_576, None, 1_048_576)] // Nothing is taken away.
    [InlineData(12_000, None, 10_240, 12_000)]
    public void The_soft_limit_is_raised_to_the_hard_one_within_reason(ulong soft, ulong hard, ulong ceiling, ulong wanted)
    {
        DescriptorLimit.Wanted(soft, hard, ceiling).Should().Be(wanted);
    }

    [Theory]
    [InlineData(4UL, "the limit of open files (ulimit -n) is 4: pf needs at least 16")]
    [InlineData(15UL, "the limit of open files (ulimit -n) is 15: pf needs at least 16")]
    [InlineData(16UL, null)]
    [InlineData(None, null)]
    [InlineData(null, null)]
    public void A_limit_under_which_nothing_can_be_served_is_told(ulong? limit, string? told)
    {
        DescriptorLimit.WhyTooLow(limit).Should().Be(told);
    }
}
