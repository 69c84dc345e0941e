using System.Diagnostics;
using System.Text.Json.Nodes;
using PortForward.Benchmarks.Network;

namespace PortForward.Benchmarks.Clusters;

/// <summary>The same cluster from farther away: a relay in front of its server, and a copy of the kubeconfig that leads there.</summary>
internal sealed class DistantCluster : IDisposable
{
    private readonly DelayRelay _relay;

    private DistantCluster(DelayRelay relay, string kubeconfig)
    {
        _relay = relay;
        Kubeconfig = kubeconfig;
    }

    /// <summary>Where the copy is.</summary>
    public string Kubeconfig { get; }

    /// <summary>Opens the longer road.</summary>
    /// <param name="kubeconfig">The cluster's own kubeconfig, or several as in KUBECONFIG.</param>
    /// <param name="kubectl">Reads it, so that whatever kubectl understands is understood.</param>
    /// <param name="roundTrip">How much longer.</param>
    public static async Task<DistantCluster> CreateAsync(string kubeconfig, string kubectl, TimeSpan roundTrip)
    {
        var config = await ReadAsync(kubeconfig, kubectl);
        var cluster = config["clusters"]![0]!["cluster"]!;
        var server = new Uri((string)cluster["server"]!);
        var relay = new DelayRelay(server.Host, server.Port, roundTrip);
        cluster["server"] = new UriBuilder(server) { Host = "127.0.0.1", Port = relay.Port }.Uri.ToString().TrimEnd('/');

        // The server still has to prove that it is the one which the original address names.
        if (server.Scheme == Uri.UriSchemeHttps && cluster["tls-server-name"] is null)
            cluster["tls-server-name"] = server.IdnHost;
        return new DistantCluster(relay, Write(config));
    }

    public void Dispose()
    {
        _relay.Dispose();
        File.Delete(Kubeconfig);
    }

    private static async Task<JsonNode> ReadAsync(string kubeconfig, string kubectl)
    {
        var start = new ProcessStartInfo(kubectl, ["config", "view", "--minify", "--flatten", "--raw", "--output", "json"]) { RedirectStandardOutput = true, UseShellExecute = false };
        start.Environment["KUBECONFIG"] = kubeconfig;
        using var process = Process.Start(start)!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? JsonNode.Parse(text)! : throw new InvalidOperationException($"{kubectl} config view failed with exit code {process.ExitCode}.");
    }

    /// <summary>Writes a file that only its owner can read: there are credentials in it.</summary>
    private static string Write(JsonNode config)
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Path.GetRandomFileName()}.kubeconfig");
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var writer = new StreamWriter(path, options);
        writer.Write(config.ToJsonString());
        return path;
    }
}
