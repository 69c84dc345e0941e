using System.Text.RegularExpressions;

namespace PortForward.Tests;

/// <summary>Holds what no analyzer knows: the length of lines and of files.</summary>
public sealed partial class SourceStyleTests
{
    private const int LongestLine = 170;
    private const int LongestFile = 500;

    /// <summary>Files in src that may be longer than others, each with its reason.</summary>
    private static readonly Dictionary<string, string> LongFiles = new(StringComparer.Ordinal)
    {
        ["src/PortForward/Tunnels/Pool/TunnelPool.cs"] = "runs the tasks around one lock; it decides nothing",
        ["src/PortForward.Cluster/Routing/PodRouter.cs"] = "the loop and the callers around one lock; it decides nothing",
    };

    [Fact]
    public void No_line_is_too_long_to_read_apart_from_the_texts_in_it()
    {
        IEnumerable<string> tooLong =
            from file in SourceTree.Files("src").Concat(SourceTree.Files("tests"))
            from line in CodeLines(File.ReadAllText(file))
            where line.Length > LongestLine
            select $"{SourceTree.NameOf(file)}: {line.Text.Trim()}";

        tooLong.Should().BeEmpty("the longest line has {0} characters, without what stands in quotes", LongestLine);
    }

    [Fact]
    public void A_file_of_the_program_that_is_long_says_why()
    {
        IEnumerable<string> found =
            from file in SourceTree.Files("src")
            where File.ReadLines(file).Count() > LongestFile
            select SourceTree.NameOf(file);

        found.Should().BeEquivalentTo(LongFiles.Keys, "a file of more than {0} lines is about one thing, or it is cut; one that has become short leaves the list", LongestFile);
    }

    [Theory]
    [InlineData("short", new[] { 5 })]
    [InlineData("a(\"text\", \"a \\\"word\\\"\");", new[] { 10 })]
    [InlineData("a\nb(\"\"\"\nraw\n\"\"\");\nccc", new[] { 1, 3 })]
    [InlineData("a(\"\"\"raw\"\"\");", new int[0])]
    public void Texts_do_not_count(string source, int[] lengths)
    {
        CodeLines(source).Select(line => line.Length).Should().Equal(lengths);
    }

    /// <summary>The lines of a source with their lengths without what stands in quotes. Lines of raw strings are left out.</summary>
    private static IEnumerable<(string Text, int Length)> CodeLines(string source)
    {
        bool isRaw = false;
        foreach (string line in source.Split('\n'))
        {
            int marks = line.Split("\"\"\"").Length - 1;
            bool isText = isRaw || marks > 0;
            isRaw ^= marks % 2 == 1;
            if (!isText)
            {
                yield return (line, Quoted().Replace(line.TrimEnd('\r'), "\"\"").Length);
            }
        }
    }

    [GeneratedRegex("""
        "(\\.|[^"\\])*"
        """, RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Quoted();
}
