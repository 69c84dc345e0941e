using Microsoft.Extensions.Time.Testing;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

public sealed class AnswerWaitTests
{
    /// <summary>Checks a second apart, limit three. w: an answer could have come; -: it could not; z: it could, but the program was stopped for a minute.</summary>
    [Theory]
    [InlineData("www", "..!")]
    [InlineData("w---ww", ".....!")]
    [InlineData("-----", ".....")]
    [InlineData("zw", ".!")]
    public void Only_time_in_which_an_answer_could_have_come_counts(string looks, string over)
    {
        var time = new FakeTimeProvider();
        var wait = new AnswerWait(time, TimeSpan.FromSeconds(3));

        string result = string.Concat(looks.Select(look =>
        {
            time.Advance(TimeSpan.FromSeconds(look == 'z' ? 60 : 1));
            return wait.IsOver(canArrive: look != '-') ? '!' : '.';
        }));

        result.Should().Be(over);
    }
}
