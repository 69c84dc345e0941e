using System.Xml.Linq;

namespace PortForward.Samples.Tests;

/// <summary>The libraries' packages in a folder, and the samples, built from these. All of it is in a temporary folder, and made once.</summary>
public sealed class PackedSamples : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>The packages of this repository.</summary>
    internal static IReadOnlyList<string> Packages { get; } = ["PortForward", "PortForward.Cluster", "PortForward.KubernetesClient"];

    /// <summary>Unlike any version that a cache of packages may hold.</summary>
    internal string Version { get; } = $"0.1.0-test.{Guid.NewGuid():N}";

    /// <summary>The folder with the samples' copies.</summary>
    internal string Samples => _folder["samples"];

    /// <summary>Whether paths in the symbols are made independent of the machine, which takes a repository.</summary>
    internal static bool IsRepository => Path.Exists(Path.Combine(SourceTree.Root, ".git"));

    /// <summary>A package's file.</summary>
    internal string FileOf(string package) => Path.Combine(_folder["feed"], $"{package}.{Version}.nupkg");

    /// <summary>The assembly that a sample was built to.</summary>
    internal string ProgramOf(string sample) => Path.Combine(Samples, sample, "bin", "Debug", "net10.0", $"{sample}.dll");

    public async Task InitializeAsync()
    {
        await PackAsync();
        await BuildAsync();
    }

    public Task DisposeAsync()
    {
        _folder.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>Packs with folders of its own, since another build may be under way in the usual ones.</summary>
    private async Task PackAsync()
    {
        WriteAll("pack.proj", "Pack", Packages.Select(package => Path.Combine(SourceTree.Root, "src", package, $"{package}.csproj")));
        await RunAsync(
            "pack.proj",
            "-t:Pack",
            "-p:UseArtifactsOutput=true",
            $"-p:ArtifactsPath={_folder["artifacts"]}",
            $"-p:PackageOutputPath={_folder["feed"]}",
            "-p:RestoreLockedMode=true", // Or a lock file in the source tree could be written.
            "-p:RunAnalyzers=false",
            $"-p:ContinuousIntegrationBuild={IsRepository}");
    }

    /// <summary>Builds copies of the samples: the libraries come from the folder of packages, everything else from what this repository's tests need.</summary>
    private async Task BuildAsync()
    {
        string source = Path.Combine(SourceTree.Root, "samples");
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            string name = Path.GetRelativePath(source, file);
            if (!name.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"))
            {
                _folder.Write(Path.Combine("samples", name), await File.ReadAllTextAsync(file));
            }
        }

        File.Copy(Path.Combine(SourceTree.Root, "global.json"), _folder["global.json"]);
        WriteAll("build.proj", "Build", Directory.EnumerateFiles(Samples, "*.csproj", SearchOption.AllDirectories));
        await RunAsync(
            "build.proj",
            "-t:Build",
            $"-p:PortForwardVersion={Version}",
            $"-p:RestoreSources={_folder["feed"]}",
            $"-p:RestorePackagesPath={_folder["packages"]}",
            $"-p:RestoreFallbackFolders={GlobalPackages}");
    }

    private static string GlobalPackages => Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    /// <summary>Writes a project that does the same to several others.</summary>
    private void WriteAll(string name, string target, IEnumerable<string> projects) => _folder.Write(name, new XElement(
        "Project",
        new XElement("ItemGroup", projects.Select(project => new XElement("Each", new XAttribute("Include", project)))),
        new XElement("Target", new XAttribute("Name", "Restore"), Call("Restore", "false")),
        new XElement("Target", new XAttribute("Name", target), Call(target, "true"))).ToString());

    private static XElement Call(string target, string inParallel) => new(
        "MSBuild", new XAttribute("Projects", "@(Each)"), new XAttribute("Targets", target), new XAttribute("BuildInParallel", inParallel));

    private Task<string> RunAsync(string project, params string[] arguments) => DotNet.RunAsync(
        _folder.Path,
        kubeconfig: null,
        [
            "msbuild", project, "-restore", "-nologo", "-v:minimal", "-m", $"-p:Version={Version}", "-p:NuGetAudit=false",
            "-nodeReuse:false", "-p:UseSharedCompilation=false", // No process of it lives on.
            .. arguments,
        ]);
}
