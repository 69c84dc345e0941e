using System.Diagnostics;
using System.Text.Json.Nodes;

namespace PortForward.TestSupport;

/// <summary>
/// The kubectl binaries to test with: those of PF_TEST_KUBECTL (paths, separated like PATH), else the one on PATH, else those of
/// a Google Cloud SDK whose <c>gcloud</c> is on PATH.
/// </summary>
internal static class KubectlBinaries
{
    public const string Variable = "PF_TEST_KUBECTL";

    public static string NoneFound => $"no kubectl was found: set {Variable} to the path of one, or put it on PATH";

    public static IReadOnlyList<string> All { get; } = Find();

    /// <summary>The newest of them, and its version by its own word; null when there is none.</summary>
    public static (string Path, Version Version)? Newest => NewestFound.Value;

    private static Lazy<(string Path, Version Version)?> NewestFound { get; } =
        new(() => All.Count == 0 ? null : All.Select(path => (path, VersionOf(path))).MaxBy(found => found.Item2));

    /// <summary>A binary's version by its own word.</summary>
    public static Version VersionOf(string binary)
    {
        using Process kubectl = Process.Start(new ProcessStartInfo(binary, ["version", "--client", "--output", "json"]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        string version = JsonNode.Parse(kubectl.StandardOutput.ReadToEnd())!["clientVersion"]!["gitVersion"]!.GetValue<string>();
        kubectl.WaitForExit();
        return Version.Parse(version.TrimStart('v').Split('-', '+')[0]);
    }

    private static string[] Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
        {
            string[] paths = named.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
            return Array.TrueForAll(paths, File.Exists) ? paths : throw new FileNotFoundException($"{Variable} names a file that does not exist: {named}");
        }

        if (OnPath("kubectl") is { } onPath)
        {
            return [onPath];
        }

        // The SDK puts a link to gcloud on PATH, and kubectl in all versions beside the link's target.
        string? gcloud = OnPath("gcloud") is { } link ? File.ResolveLinkTarget(link, returnFinalTarget: true)?.FullName ?? link : null;
        return gcloud is null ? [] : [.. Directory.GetFiles(Path.GetDirectoryName(gcloud)!, "kubectl.1.*").Order(StringComparer.Ordinal)];
    }

    private static string? OnPath(string name)
    {
        string file = OperatingSystem.IsWindows() ? name + ".exe" : name;
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);
    }
}
