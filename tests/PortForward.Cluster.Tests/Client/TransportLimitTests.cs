using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Client;

public sealed class TransportLimitTests
{
    [Theory]
    [InlineData(null, 30, 10)]
    [InlineData(2, 2, 10)]
    [InlineData(60, 60, 60)]
    public void A_request_timeout_bounds_the_answer_to_an_upgrade_and_nothing_ends_it_before(int? asked, int answer, int dial)
    {
        TunnelDialOptions limits = TunnelDialers.Limits(asked is { } seconds ? TimeSpan.FromSeconds(seconds) : null);

        (limits.AnswerTimeout, limits.DialTimeout).Should().Be((TimeSpan.FromSeconds(answer), TimeSpan.FromSeconds(dial)));
    }

    [Fact]
    public void A_request_timeout_of_zero_is_no_limit()
    {
        TunnelDialOptions limits = TunnelDialers.Limits(TimeSpan.Zero);

        (limits.AnswerTimeout, limits.DialTimeout).Should().Be((Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan));
    }
}
