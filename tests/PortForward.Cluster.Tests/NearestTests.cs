namespace PortForward.Cluster.Tests;

/// <summary>The word that a mistyped one was meant to be.</summary>
public sealed class NearestTests
{
    private static readonly string[] Known = ["--address", "--context", "--cluster", "--user", "--as", "--verbose"];

    [Theory]
    [InlineData("--adress", "--address")]
    [InlineData("--addres", "--address")]
    [InlineData("--contxet", "--context")]
    [InlineData("--verbsoe", "--verbose")]
    [InlineData("--bogus", null)]
    [InlineData("--ax", "--as")]
    [InlineData("--something-else", null)]
    public void Near_is_one_change_for_each_three_letters(string word, string? nearest) => Nearest.Of(word, Known).Should().Be(nearest);

    [Fact]
    public void A_very_long_word_is_near_no_other_and_costs_nothing()
    {
        string longest = new('a', 64);

        Nearest.Of(longest, [longest]).Should().Be(longest);
        Nearest.Of(longest, [longest + "a"]).Should().BeNull();
        Action search = () => Nearest.Of(new string('a', 1_000_000), [new string('a', 1_000_001)]).Should().BeNull();

        search.ExecutionTime().Should().BeLessThan(TimeSpan.FromSeconds(5));
    }

    [Theory]
    [InlineData("", "abc", 3)]
    [InlineData("abc", "abc", 0)]
    [InlineData("abc", "acb", 1)]
    [InlineData("kitten", "sitting", 3)]
    public void A_swap_is_one_change(string one, string other, int distance)
    {
        Nearest.Distance(one, other).Should().Be(distance);
        Nearest.Distance(other, one).Should().Be(distance);
    }
}
