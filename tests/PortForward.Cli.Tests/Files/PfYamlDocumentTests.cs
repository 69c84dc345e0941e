using PortForward.Cli.Files;

namespace PortForward.Cli.Tests.Files;

/// <summary>docs/pf-yaml.md says what the program does.</summary>
public sealed class PfYamlDocumentTests
{
    private static readonly string Document = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "pf-yaml.md")).ReplaceLineEndings("\n");

    [Fact]
    public void Its_list_of_guarded_variables_is_the_programs()
    {
        string list = Document.Split("<!-- the same list as in GuardedVariables -->\n```text\n")[1].Split("```")[0];

        list.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Should().Equal(GuardedVariables.Names);
    }

    [Fact]
    public void Its_example_is_right_whether_it_was_named_or_found()
    {
        string example = Document.Split("```yaml\n")[1].Split("```")[0];

        RunFileReader.Read(new FileText("pf.yaml", "/folder", example, IsNamed: false), static _ => null).Forwards.Select(static forward => forward.Name).Should().Equal("db", "web");
    }
}
