using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Authentication;

namespace PortForward.Cluster.Tests.Authentication;

public sealed class LoginNoticeTests
{
    /// <summary>What happens each second: a failure, a refusal, an acceptance, or nothing; an upper-case letter stands for what is to be told.</summary>
    [Theory]
    [InlineData("Fffff")]
    [InlineData("rRrrr")]
    [InlineData("rarararara")]
    [InlineData("raFfff")]
    [InlineData("Fafafa")]
    [InlineData("rRarrarr")]
    public void It_is_told_once_whatever_the_number_of_requests(string seconds)
    {
        var time = new FakeTimeProvider();
        var notice = new LoginNotice(time);
        string told = "";
        foreach (char second in seconds)
        {
            switch (char.ToLowerInvariant(second))
            {
                case 'f':
                    told += notice.Fail() ? 'F' : 'f';
                    break;
                case 'r':
                    told += notice.Refuse() ? 'R' : 'r';
                    break;
                case 'a':
                    notice.Accept();
                    told += 'a';
                    break;
            }

            time.Advance(TimeSpan.FromSeconds(1));
        }

        told.Should().Be(seconds);
    }

    [Fact]
    public void While_it_lasts_it_is_told_every_10_minutes_and_another_time_at_once()
    {
        var time = new FakeTimeProvider();
        var notice = new LoginNotice(time);
        List<int> told = [];
        for (int minute = 0; minute < 60; minute++)
        {
            if (minute == 42)
            {
                notice.Accept();
            }
            else if (notice.Fail())
            {
                told.Add(minute);
            }

            time.Advance(TimeSpan.FromMinutes(1));
        }

        told.Should().Equal(0, 10, 20, 30, 40, 43, 53);
    }
}
