using System.Text.RegularExpressions;

namespace PortForward.Cli.Tests.DropIn;

/// <summary>docs/differences.md: the one list of what pf does otherwise than kubectl on purpose.</summary>
internal static partial class DifferencesDocument
{
    /// <summary>The difference that lets pf ask for pods where kubectl does not.</summary>
    public const string FollowsPods = "waits-for-running";

    /// <summary>The difference that lets pf ask for endpoint slices where kubectl does not.</summary>
    public const string FollowsSlices = "endpoint-slices";

    private const string NotTestedHere = "## Not compared by a test";

    private static readonly string Text = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "differences.md"));

    /// <summary>The differences that a case shows.</summary>
    public static IReadOnlyList<string> Tested { get; } = NamesIn(Text.Split(NotTestedHere)[0]);

    /// <summary>The differences that cannot be shown by running both programs, each with the reason in the document.</summary>
    public static IReadOnlyList<string> Untested { get; } = NamesIn(Text.Split(NotTestedHere)[1]);

    private static string[] NamesIn(string part) => [.. TableRow().Matches(part).Select(row => row.Groups["name"].Value)];

    [GeneratedRegex(@"^\| `(?<name>[a-z-]+)` \|", RegexOptions.ExplicitCapture | RegexOptions.Multiline, matchTimeoutMilliseconds: 1000)]
    private static partial Regex TableRow();
}
