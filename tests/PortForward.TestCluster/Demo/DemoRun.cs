using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace PortForward.Testing.Demo;

/// <summary>The demo: a cluster in this process, pf beside it, and a page of a pod to open.</summary>
internal static partial class DemoRun
{
    private const int PagePort = 8080;
    private const int Terminate = 15; // SIGTERM

    /// <summary>How long anything may take when the demo checks itself.</summary>
    private static readonly TimeSpan CheckTimeout = TimeSpan.FromSeconds(30);

    /// <summary>Runs the demo until its user, or the check, ends it.</summary>
    /// <param name="program">The pf to run; null for the one built from src.</param>
    /// <param name="check">Whether to fetch the page and end.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string? program, bool check)
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        DemoObjects.AddTo(cluster);
        string kubeconfig = Path.Combine(Path.GetTempPath(), $"pf-demo-{Environment.ProcessId}.kubeconfig");
        cluster.WriteKubeconfig(kubeconfig);
        try
        {
            // 8080 is the port that people remember; when another program has it, any other one will do.
            int? exitCode = await ForwardAsync(program, kubeconfig, $"{PagePort}:{PagePort}", check);
            return exitCode ?? await ForwardAsync(program, kubeconfig, $":{PagePort}", check) ?? 1;
        }
        finally
        {
            File.Delete(kubeconfig);
        }
    }

    /// <summary>Runs pf on one pair of ports; null when it could not listen, or could not start at all.</summary>
    private static async Task<int?> ForwardAsync(string? program, string kubeconfig, string ports, bool check)
    {
        using Process forward = Start(program, "--kubeconfig", kubeconfig, "pod/web", ports);

        // The demo ends when pf has: Ctrl-C reaches both, a signal from elsewhere only this process.
        void PassOn(PosixSignalContext signal)
        {
            signal.Cancel = true;
            End(forward);
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, PassOn);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, PassOn);
        Uri? page = null;
        bool passed = true;
        while (await forward.StandardOutput.ReadLineAsync() is { } line)
        {
            Console.WriteLine(line);
            if (page is not null || ListeningLine().Match(line) is not { Success: true } listening)
                continue;

            page = new Uri($"http://localhost:{listening.Groups["port"].Value}/");
            Console.WriteLine($"\n  Open {page}\n\n  Ctrl-C ends the demo.\n");
            if (check)
            {
                passed = await CheckAsync(page);
                End(forward);
            }
        }

        await forward.WaitForExitAsync();
        return page is null ? null : passed ? forward.ExitCode : 1;
    }

    private static Process Start(string? program, params string[] arguments)
    {
        string? built = program is null ? Assembly.GetExecutingAssembly().GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "ProgramPath").Value : null;
        var start = new ProcessStartInfo(program ?? "dotnet") { RedirectStandardOutput = true, UseShellExecute = false };
        if (built is not null)
            start.ArgumentList.Add(Path.GetFullPath(built));
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);

        Console.WriteLine($"$ pf {string.Join(' ', arguments[2..])}");
        return Process.Start(start)!;
    }

    /// <summary>Fetches the page and what its script asks for.</summary>
    private static async Task<bool> CheckAsync(Uri page)
    {
        using var client = new HttpClient { Timeout = CheckTimeout };
        foreach (string path in (string[])["", "api/ping"])
        {
            using HttpResponseMessage response = await client.GetAsync(new Uri(page, path));
            string body = await response.Content.ReadAsStringAsync();
            Console.WriteLine($"GET /{path}: {(int)response.StatusCode}, {body.Length} characters");
            if (!response.IsSuccessStatusCode || body.Length == 0)
                return false;
        }

        return true;
    }

    private static void End(Process process)
    {
        if (OperatingSystem.IsWindows())
            process.Kill();
        else
            _ = Kill(process.Id, Terminate);
    }

    [GeneratedRegex(@"^Forwarding from 127\.0\.0\.1:(?<port>\d+) ", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ListeningLine();

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);
}
