using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace PortForward.Tests;

/// <summary>Holds the layout: what a folder may use is written here, and the sources are read to see what it does use.</summary>
public sealed class LayerTests
{
    /// <summary>Each folder with those that it may use, lowest first: a folder may only name folders above its own line. The empty name is the project's root.</summary>
    private static readonly Dictionary<string, (string Folder, string[] StandsOn)[]> Layers = new(StringComparer.Ordinal)
    {
        ["PortForward"] =
        [
            ("", []),
            ("IO", [""]),
            ("Spdy", ["", "IO"]),
            ("WebSockets", ["", "IO"]),
            ("Tunnels", ["", "IO", "Spdy", "WebSockets"]),
            ("Tunnels/Pool", ["", "IO", "Tunnels"]),
            ("Forwarding", ["", "IO", "Tunnels", "Tunnels/Pool"]),
        ],
        ["PortForward.Cluster"] =
        [
            ("", []),
            ("Kubeconfig", [""]),
            ("Transport", ["", "Kubeconfig"]),
            ("Authentication", ["", "Kubeconfig", "Transport"]),
            ("Connection", ["", "Kubeconfig", "Transport", "Authentication"]),
            ("Objects", [""]),
            ("Api", ["", "Objects"]),
            ("Targets", ["", "Objects", "Api"]),
            ("Routing", ["", "Objects", "Api", "Targets"]),
            ("Client", ["", "Kubeconfig", "Authentication", "Connection", "Objects", "Api", "Targets", "Routing"]),
        ],
        ["PortForward.KubernetesClient"] = [("", [])],
        ["PortForward.Cli"] =
        [
            ("Names", []),
            ("Files", ["Names"]),
            ("Startup", []),
            ("Output", ["Startup"]),
            ("Commands", ["Names", "Files", "Startup", "Output"]),
            ("", ["Names", "Files", "Startup", "Output", "Commands"]),
        ],
    };

    private static readonly Dictionary<string, string[]> Projects = new(StringComparer.Ordinal)
    {
        ["PortForward"] = [],
        ["PortForward.Cluster"] = ["PortForward"],
        ["PortForward.KubernetesClient"] = ["PortForward.Cluster"],
        ["PortForward.Cli"] = ["PortForward", "PortForward.Cluster"],
    };

    public static TheoryData<string> ProjectNames => [.. Layers.Keys];

    [Theory]
    [MemberData(nameof(ProjectNames))]
    public void No_folder_uses_one_above_it(string project)
    {
        IEnumerable<string> arrows =
            from file in Sources(project)
            let folder = FolderOf(project, file)
            let allowed = Layers[project].Single(layer => layer.Folder == folder).StandsOn
            from used in FoldersNamedIn(File.ReadAllText(file), project)
            where used != folder && !allowed.Contains(used)
            select $"{SourceTree.NameOf(file)} uses {used}";

        arrows.Should().BeEmpty();
    }

    [Theory]
    [MemberData(nameof(ProjectNames))]
    public void The_layers_name_every_folder_there_is_and_are_in_order(string project)
    {
        Layers[project].Select(layer => layer.Folder).Should().BeEquivalentTo(Sources(project).Select(file => FolderOf(project, file)).Distinct(StringComparer.Ordinal));
        for (int i = 0; i < Layers[project].Length; i++)
        {
            Layers[project].Take(i).Select(layer => layer.Folder).Intersect(Layers[project][i].StandsOn, StringComparer.Ordinal)
                .Should().HaveSameCount(Layers[project][i].StandsOn, "otherwise there could be a circle");
        }
    }

    [Theory]
    [MemberData(nameof(ProjectNames))]
    public void A_project_refers_to_those_below_it_only(string project)
    {
        string file = Path.Combine(SourceTree.Root, "src", project, project + ".csproj");
        IEnumerable<string> referred = XDocument.Load(file).Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(((string)reference.Attribute("Include")!).Replace('\\', '/')));

        referred.Should().BeEquivalentTo(Projects[project]);
    }

    [Fact]
    public void The_embedded_cluster_shares_no_code_with_the_program_that_it_tests()
    {
        IEnumerable<string> shared =
            from file in SourceTree.Files("tests/PortForward.TestCluster")
            from line in File.ReadLines(file)
            where line.StartsWith("using PortForward.", StringComparison.Ordinal) && !line.StartsWith("using PortForward.Testing", StringComparison.Ordinal)
            select $"{file}: {line}";

        shared.Should().BeEmpty();
        XDocument.Load(Path.Combine(SourceTree.Root, "tests", "PortForward.TestCluster", "PortForward.TestCluster.csproj")).Descendants("ProjectReference")
            .Should().OnlyContain(reference => (string?)reference.Attribute("ReferenceOutputAssembly") == "false");
    }

    [Fact]
    public void No_namespace_is_in_sight_without_being_named()
    {
        SourceTree.Files("src").Where(file => File.ReadLines(file).Any(line => line.StartsWith("global using", StringComparison.Ordinal))).Should().BeEmpty();
        Directory.EnumerateFiles(Path.Combine(SourceTree.Root, "src"), "*.*", SearchOption.AllDirectories)
            .Where(file => Path.GetExtension(file) is ".csproj" or ".props" or ".targets" && !file.Split(Path.DirectorySeparatorChar).Contains("obj"))
            .Where(file => XDocument.Load(file).Descendants("Using").Any())
            .Should().BeEmpty();
    }

    [Fact]
    public void What_the_tests_share_refers_to_no_project_so_that_the_embedded_clusters_tests_can_use_it()
    {
        XDocument.Load(Path.Combine(SourceTree.Root, "tests", "PortForward.TestSupport", "PortForward.TestSupport.csproj")).Descendants("ProjectReference").Should().BeEmpty();
    }

    [Fact]
    public void Nothing_below_the_entry_point_uses_it_though_it_is_in_the_librarys_own_namespace()
    {
        string[] types = [.. SourceTree.Files("src/PortForward.Cluster/Client").Select(file => Path.GetFileNameWithoutExtension(file))];
        var name = new Regex($@"(?<![\w.])({string.Join('|', types)})(?!\w)", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1));
        IEnumerable<string> arrows =
            from file in Sources("PortForward.Cluster")
            where FolderOf("PortForward.Cluster", file) != "Client"
            from line in File.ReadLines(file)
            where name.IsMatch(CodeOf(line))
            select $"{SourceTree.NameOf(file)}: {line.Trim()}";

        types.Should().Contain("ClusterClient");
        arrows.Should().BeEmpty();
    }

    [Theory]
    [InlineData("using PortForward.Cluster.Routing;\n", "Routing")]
    [InlineData("using Alias = PortForward.Cluster.Api.ApiClient;\n", "Api")]
    [InlineData("using static PortForward.Cluster.Api.ApiClient;\n", "Api")]
    [InlineData("class C { Routing.PodRoute _route; }", "Routing")]
    [InlineData("class C { Cluster.Routing.PodRoute _route; }", "Routing")]
    [InlineData("class C { global::PortForward.Cluster.Routing.PodRoute _route; }", "Routing")]
    [InlineData("/// <see cref=\"Routing.PodRoute\"/>\n// Routing.PodRoute\nclass C;", null)]
    [InlineData("class C { string _text = request.Routing.ToString(); }", null)]
    [InlineData("class C { string _text = \"Routing.PodRoute\"; }", null)]
    [InlineData("class C { string _text = \"http://\" + Routing.PodRoute.Text; }", "Routing")]
    public void Every_way_to_name_a_folder_is_seen(string source, string? folder)
    {
        FoldersNamedIn(source, "PortForward.Cluster").Should().BeEquivalentTo(folder is null ? [] : new[] { folder });
    }

    /// <summary>A line without its comment and its texts.</summary>
    private static string CodeOf(string line) => line.TrimStart().StartsWith("//", StringComparison.Ordinal)
        ? ""
        : Regex.Replace(line, """
            "(\\.|[^"\\])*"
            """, "\"\"", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(1)).Split("//")[0];

    /// <summary>The folders of a project that a source names, by <c>using</c> or within a longer name.</summary>
    private static IEnumerable<string> FoldersNamedIn(string source, string project)
    {
        string code = string.Join('\n', source.Split('\n').Select(CodeOf));
        foreach (string folder in Layers[project].Select(layer => layer.Folder).Where(folder => folder.Length > 0))
        {
            string[] parts = [.. project.Split('.'), .. folder.Split('/')];
            IEnumerable<string> names = Enumerable.Range(0, parts.Length).Select(skipped => string.Join('.', parts.Skip(skipped)));
            if (names.Any(name => IsQualifierIn(code, name)) || code.Contains($"{string.Join('.', parts)};", StringComparison.Ordinal))
            {
                yield return folder;
            }
        }
    }

    /// <summary>Whether a name stands before a type's name somewhere, and not as a member of something.</summary>
    private static bool IsQualifierIn(string code, string name)
    {
        for (int at = code.IndexOf(name, StringComparison.Ordinal); at >= 0; at = code.IndexOf(name, at + 1, StringComparison.Ordinal))
        {
            int end = at + name.Length;
            bool begins = at == 0 || !(char.IsLetterOrDigit(code[at - 1]) || code[at - 1] is '_' or '.');
            if (begins && end + 1 < code.Length && code[end] == '.' && char.IsUpper(code[end + 1]))
            {
                return true;
            }
        }

        return false;
    }

    private static IEnumerable<string> Sources(string project) => SourceTree.Files($"src/{project}");

    private static string FolderOf(string project, string file) =>
        Path.GetRelativePath(Path.Combine(SourceTree.Root, "src", project), Path.GetDirectoryName(file)!).Replace('\\', '/') is var folder && folder == "." ? "" : folder;
}
