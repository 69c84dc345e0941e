using System.Diagnostics;
using System.Globalization;
using SharpFuzz;

namespace PortForward.Fuzzing.Engine;

/// <summary>This program in another process, in a copy whose assemblies under test count the branches that they take.</summary>
internal sealed class GuidedProcess : IDisposable
{
    private static readonly string[] UnderTest = ["PortForward.dll", "PortForward.Cluster.dll", "pf.dll"];

    private readonly TemporaryFolder _folder = new();

    /// <summary>Makes the copy.</summary>
    public GuidedProcess()
    {
        string source = AppContext.BaseDirectory;
        foreach (string file in Directory.GetFiles(source, "*", SearchOption.AllDirectories))
        {
            string copy = _folder[Path.GetRelativePath(source, file)];
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }

        foreach (string assembly in UnderTest)
        {
            Fuzzer.Instrument(_folder[assembly], static type => type.StartsWith("PortForward", StringComparison.Ordinal), Options.Value);
        }
    }

    /// <summary>Runs a target for a time.</summary>
    /// <returns>Whether nothing was found, and what the process has written.</returns>
    public async Task<(bool IsClean, string Output)> RunAsync(FuzzTarget target, int seed, TimeSpan time)
    {
        string[] arguments = [_folder["PortForward.Fuzzing.dll"], "guided", target.Name, Text(seed), Text(time.TotalSeconds)];
        using Process process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, UseShellExecute = false })!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode == 0, output);

        static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
    }

    public void Dispose() => _folder.Dispose();
}
