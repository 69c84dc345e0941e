using System.IO.Compression;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.Loader;
using System.Xml.Linq;

namespace PortForward.Samples.Tests;

/// <summary>What is in the libraries' packages, and what they need.</summary>
[Collection(PackedSamplesCollection.Name)]
public sealed class PackageTests(PackedSamples packed)
{
    public static TheoryData<string> Packages => [.. PackedSamples.Packages];

    [Theory]
    [MemberData(nameof(Packages))]
    public void A_package_has_the_assembly_its_documentation_the_readme_and_the_license(string package)
    {
        using ZipArchive archive = ZipFile.OpenRead(packed.FileOf(package));
        string[] ofTheFormat = ["_rels/", "package/", "[Content_Types].xml"];

        archive.Entries.Select(entry => entry.FullName).Where(name => !ofTheFormat.Any(part => name.StartsWith(part, StringComparison.Ordinal)))
            .Should().BeEquivalentTo($"{package}.nuspec", "README.md", "LICENSE", $"lib/net10.0/{package}.dll", $"lib/net10.0/{package}.xml");
        Text(archive, "README.md").Should().StartWith($"# {package}\n");
        Text(archive, "LICENSE").Should().Contain("Apache License");
        Text(archive, $"lib/net10.0/{package}.xml").Should().Contain("<summary>");
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void A_package_says_what_it_is(string package)
    {
        XElement metadata = Metadata(package);

        Value(metadata, "id").Should().Be(package);
        Value(metadata, "version").Should().Be(packed.Version);
        Value(metadata, "license").Should().Be("Apache-2.0");
        Value(metadata, "readme").Should().Be("README.md");
        Value(metadata, "authors").Should().NotBeEmpty();
        Value(metadata, "description").Should().EndWith(".");
        Value(metadata, "tags").Should().Contain("kubernetes");
        if (PackedSamples.IsRepository)
        {
            metadata.Elements().Single(element => element.Name.LocalName == "repository").Attribute("commit")!.Value.Should().MatchRegex("^[0-9a-f]{40}$");
        }
    }

    [Theory]
    [InlineData("PortForward", new string[0], new[] { "Microsoft.Extensions.Logging.Abstractions" })]
    [InlineData("PortForward.Cluster", new[] { "PortForward" }, new[] { "Microsoft.Extensions.Logging.Abstractions", "YamlDotNet" })]
    [InlineData(
        "PortForward.KubernetesClient", new[] { "PortForward.Cluster" }, new[] { "KubernetesClient", "Microsoft.Extensions.Logging.Abstractions", "YamlDotNet" })]
    public void A_package_needs_exactly_the_others_version_and_nothing_that_only_its_build_needs(string package, string[] own, string[] others)
    {
        Dictionary<string, string> needed = Metadata(package).Descendants().Where(element => element.Name.LocalName == "dependency")
            .ToDictionary(element => element.Attribute("id")!.Value, element => element.Attribute("version")!.Value, StringComparer.Ordinal);

        needed.Keys.Should().BeEquivalentTo([.. own, .. others]);
        own.Select(id => needed[id]).Should().AllBe($"[{packed.Version}]");
        others.Select(id => needed[id]).Should().AllSatisfy(version => version.Should().MatchRegex(@"^\d+\.\d+\.\d+$"));
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void An_assembly_is_deterministic_and_carries_its_symbols(string package)
    {
        using var pe = new PEReader(new MemoryStream(Assembly(package)));
        DebugDirectoryEntry[] entries = [.. pe.ReadDebugDirectory()];

        entries.Select(entry => entry.Type).Should().Contain(DebugDirectoryEntryType.Reproducible);
        DebugDirectoryEntry symbols = entries.Single(entry => entry.Type == DebugDirectoryEntryType.EmbeddedPortablePdb);
        using MetadataReaderProvider provider = pe.ReadEmbeddedPortablePdbDebugDirectoryData(symbols);
        MetadataReader reader = provider.GetMetadataReader();
        string[] sources = [.. reader.Documents.Select(handle => reader.GetString(reader.GetDocument(handle).Name))];
        sources.Should().Contain(source => source.EndsWith(".cs", StringComparison.Ordinal));
        if (PackedSamples.IsRepository)
        {
            sources.Should().Contain(source => source.StartsWith("/_", StringComparison.Ordinal));
            sources.Should().NotContain(source => source.StartsWith(SourceTree.Root, StringComparison.Ordinal), "each machine's assembly would be another one");
        }
    }

    [Theory]
    [InlineData("PortForward", true)]
    [InlineData("PortForward.Cluster", true)]
    [InlineData("PortForward.KubernetesClient", false)]
    public void An_assembly_says_whether_it_may_be_trimmed_and_compiled_to_native_code(string package, bool may)
    {
        var context = new AssemblyLoadContext(package, isCollectible: true);
        Dictionary<string, string?> told = context.LoadFromStream(new MemoryStream(Assembly(package))).GetCustomAttributes<AssemblyMetadataAttribute>()
            .Where(attribute => attribute.Key is "IsTrimmable" or "IsAotCompatible")
            .ToDictionary(attribute => attribute.Key, attribute => attribute.Value, StringComparer.Ordinal);
        context.Unload();

        told.Should().BeEquivalentTo(may ? new Dictionary<string, string?>(StringComparer.Ordinal) { ["IsTrimmable"] = "True", ["IsAotCompatible"] = "True" } : []);
    }

    private byte[] Assembly(string package)
    {
        using ZipArchive archive = ZipFile.OpenRead(packed.FileOf(package));
        using Stream entry = archive.GetEntry($"lib/net10.0/{package}.dll")!.Open();
        using var bytes = new MemoryStream();
        entry.CopyTo(bytes);
        return bytes.ToArray();
    }

    private XElement Metadata(string package)
    {
        using ZipArchive archive = ZipFile.OpenRead(packed.FileOf(package));
        return XDocument.Parse(Text(archive, $"{package}.nuspec").TrimStart('\uFEFF')).Root!.Elements().Single();
    }

    private static string Value(XElement metadata, string name) => metadata.Elements().Single(element => element.Name.LocalName == name).Value;

    private static string Text(ZipArchive archive, string name)
    {
        using var reader = new StreamReader(archive.GetEntry(name)!.Open());
        return reader.ReadToEnd();
    }
}
