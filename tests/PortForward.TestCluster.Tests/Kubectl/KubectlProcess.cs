using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace PortForward.Testing.Tests.Kubectl;

/// <summary>A running kubectl.</summary>
internal sealed partial class KubectlProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly string _folder;

    private KubectlProcess(Process process, string folder)
    {
        _process = process;
        _folder = folder;
        process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
                _errors.AppendLine(line.Data);
        };
        process.BeginErrorReadLine();
    }

    public string Errors
    {
        get
        {
            lock (_errors)
                return _errors.ToString();
        }
    }

    /// <summary>Starts kubectl with the admin's token.</summary>
    public static KubectlProcess Start(string binary, TestCluster cluster, bool webSockets, params string[] arguments) =>
        Start(binary, cluster, webSockets, withCertificate: false, arguments);

    /// <summary>Starts kubectl with the admin's client certificate.</summary>
    public static KubectlProcess StartWithCertificate(string binary, TestCluster cluster, params string[] arguments) =>
        Start(binary, cluster, webSockets: true, withCertificate: true, arguments);

    public async Task<string?> ReadLineAsync() => await _process.StandardOutput.ReadLineAsync().Soon();

    /// <summary>The rest of the output, after the process has ended.</summary>
    public async Task<string> ReadToEndAsync()
    {
        var output = await _process.StandardOutput.ReadToEndAsync().Soon();
        await _process.WaitForExitAsync().Soon();
        return output;
    }

    public async Task<int> WaitForExitAsync()
    {
        await _process.WaitForExitAsync().Soon();
        return _process.ExitCode;
    }

    /// <summary>Reads the next line "Forwarding from 127.0.0.1:LOCAL -> REMOTE", and returns LOCAL.</summary>
    public async Task<int> ReadLocalPortAsync(int remote)
    {
        while (await ReadLineAsync() is { } line)
        {
            if (ForwardingLine().Match(line) is { Success: true } match && match.Groups["remote"].Value == remote.ToString())
                return int.Parse(match.Groups["local"].Value);
        }

        await WaitForExitAsync();
        throw new InvalidOperationException($"kubectl ended instead of forwarding: {Errors}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static KubectlProcess Start(string binary, TestCluster cluster, bool webSockets, bool withCertificate, string[] arguments)
    {
        // A home of its own: kubectl keeps a cache of what servers offer.
        var folder = Directory.CreateTempSubdirectory("test-cluster-kubectl-").FullName;
        var start = new ProcessStartInfo(binary, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["HOME"] = folder;
        start.Environment["KUBECONFIG"] = cluster.WriteKubeconfig(Path.Combine(folder, "kubeconfig"), withCertificate: withCertificate);
        start.Environment["KUBECTL_PORT_FORWARD_WEBSOCKETS"] = webSockets ? "true" : "false";
        return new KubectlProcess(Process.Start(start)!, folder);
    }

    [GeneratedRegex(@"^Forwarding from 127\.0\.0\.1:(?<local>\d+) -> (?<remote>\d+)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ForwardingLine();
}
