namespace PortForward.Cli.Tests.DropIn;

/// <summary>The list of differences is complete, and nothing in it is out of date.</summary>
public sealed class DifferencesDocumentTests
{
    private static readonly DropInCase[] All =
        [.. TargetTests.Cases, .. PortTests.Cases, .. FlagTests.Cases, .. KubeconfigTests.Cases, .. CredentialTests.Cases];

    [Fact]
    public void Every_difference_that_a_case_shows_is_in_the_document() =>
        All.Select(one => one.Difference).OfType<string>().Distinct(StringComparer.Ordinal).Should().BeSubsetOf(DifferencesDocument.Tested);

    [Fact]
    public void Every_difference_in_the_document_is_shown_by_a_case_or_said_to_be_untested()
    {
        DifferencesDocument.Tested.Should().BeSubsetOf(All.Select(one => one.Difference).OfType<string>());
        DifferencesDocument.Untested.Should().NotBeEmpty().And.NotIntersectWith(All.Select(one => one.Difference).OfType<string>());
    }

    [Fact]
    public void No_case_and_no_difference_is_there_twice()
    {
        All.Select(one => one.Name).GroupBy(name => name, StringComparer.Ordinal).Where(same => same.Count() > 1).Select(same => same.Key)
            .Should().BeEmpty();
        DifferencesDocument.Tested.Concat(DifferencesDocument.Untested).Should().OnlyHaveUniqueItems();
    }

}
