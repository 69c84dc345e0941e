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

    /// <summary>How long the demo waits for its own page.</summary>
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
        Task<bool>? fetching = null;
        bool? passed = null;
        while (await forward.StandardOutput.ReadLineAsync() is { } line)
        {
            Console.WriteLine(line);
            if (page is null && ListeningLine().Match(line) is { Success: true } listening)
            {
                page = new Uri($"http://localhost:{listening.Groups["port"].Value}/");
                fetching = CheckAsync(page);
            }
            else if (passed is null && fetching is not null && line.StartsWith("Handling connection", StringComparison.Ordinal))
            {
                // The demo's own connection: by now pf has said of every address that it forwards from there.
                passed = await fetching;
                Console.WriteLine(passed.Value ? $"\n  Open {page}\n\n  Ctrl-C ends the demo.\n" : $"error: {page} does not answer as it should");
                if (check || !passed.Value)
                    End(forward);
            }
        }

        await forward.WaitForExitAsync();
        if (page is null)
            return null;
        if (passed == false || (check && passed is null))
            return 1;
        return OperatingSystem.IsWindows() ? 0 : forward.ExitCode; // On Windows it is killed, and has no exit code of its own.
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
        try
        {
            foreach (string path in (string[])["", "api/ping"])
            {
                using HttpResponseMessage response = await client.GetAsync(new Uri(page, path));
                if (!response.IsSuccessStatusCode || (await response.Content.ReadAsStringAsync()).Length == 0)
                    return false;
            }

            return true;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
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
