using System.Diagnostics;
using System.Text.Json.Nodes;
using PortForward.Testing;

namespace PortForward.Benchmarks.Clusters;

/// <summary>The embedded cluster, in a process of its own so that its work is not the measuring program's.</summary>
internal sealed class EmbeddedCluster : IDisposable
{
    private readonly Process _process;

    private EmbeddedCluster(Process process, string kubeconfig)
    {
        _process = process;
        Kubeconfig = kubeconfig;
    }

    /// <summary>Where its kubeconfig is.</summary>
    public string Kubeconfig { get; }

    /// <summary>Starts it.</summary>
    public static async Task<EmbeddedCluster> StartAsync()
    {
        var kubeconfig = Path.Combine(Path.GetTempPath(), $"{Path.GetRandomFileName()}.kubeconfig");
        string[] arguments = [typeof(TestCluster).Assembly.Location, "--print-env", "--kubeconfig", kubeconfig];
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", arguments) { RedirectStandardOutput = true, UseShellExecute = false };
        var process = Process.Start(start)!;
        var line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The embedded cluster ended instead of starting.");
        return new EmbeddedCluster(process, (string)JsonNode.Parse(line)!["kubeconfig"]!);
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        File.Delete(Kubeconfig);
    }
}
