using System.Runtime.CompilerServices;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>The real nginx and haproxy to test with: those on PATH, else those that <c>install-gateways</c> has unpacked.</summary>
internal static class GatewayPrograms
{
    /// <summary>Names the folder where they were unpacked, if it is not artifacts/gateways.</summary>
    public const string Variable = "PF_TEST_GATEWAYS";

    public static string Folder { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named
        ? named
        : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../artifacts/gateways"));

    /// <summary>Where a program is; null where there is none.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Concat(["/usr/sbin", Path.Combine(Folder, "usr/sbin")])
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);

    /// <summary>Why a test is skipped, or null.</summary>
    public static string? MissingAny()
    {
        string[] missing = [.. new[] { "nginx", "haproxy" }.Where(program => Find(program) is null)];
        return missing.Length == 0
            ? null
            : $"Needs {string.Join(" and ", missing)}: run tests/PortForward.Cluster.Tests/Matrix/install-gateways, which unpacks Debian's packages without installing them.";
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}

/// <summary>A test behind real gateways; skipped, with what to run, where they are missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GatewayTheoryAttribute : TheoryAttribute
{
    public GatewayTheoryAttribute() => Skip = GatewayPrograms.MissingAny();
}

/// <inheritdoc cref="GatewayTheoryAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GatewayFactAttribute : FactAttribute
{
    public GatewayFactAttribute() => Skip = GatewayPrograms.MissingAny();
}
