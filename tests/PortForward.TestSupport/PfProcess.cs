using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace PortForward.TestSupport;

/// <summary>The built program, run as its user would; PF_TEST_PROGRAM may name another build of it, such as the native one.</summary>
internal sealed partial class PfProcess : IAsyncDisposable
{
    public const int Hangup = 1, Interrupt = 2, Quit = 3, Terminate = 15;

    private readonly Process _process;
    private readonly TaskCompletionSource<bool> _outputEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<bool> _errorEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentQueue<string> _error = new();
    private readonly SemaphoreSlim _changed = new(0);

    private PfProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, e) => Add(_output, e.Data, _outputEnded);
        process.ErrorDataReceived += (_, e) => Add(_error, e.Data, _errorEnded);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    public IReadOnlyList<string> Output => [.. _output];

    public IReadOnlyList<string> Error => [.. _error];

    /// <summary>Starts the program with a kubeconfig and nothing else of this machine's surroundings.</summary>
    public static PfProcess Start(string? kubeconfig, params string[] arguments) => Start(kubeconfig, new Dictionary<string, string>(StringComparer.Ordinal), arguments);

    public static PfProcess Start(string? kubeconfig, IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        ProcessStartInfo start = Command(kubeconfig, arguments);
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return Start(start);
    }

    /// <summary>Starts a program, whichever it is, with nothing to read on its stdin, and watches its output.</summary>
    public static PfProcess Start(ProcessStartInfo start)
    {
        Process process = Process.Start(start)!;
        process.StandardInput.Close();
        return new PfProcess(process);
    }

    /// <summary>Runs the program to its end.</summary>
    public static async Task<PfProcess> RunAsync(string? kubeconfig, params string[] arguments)
    {
        PfProcess process = Start(kubeconfig, arguments);
        await process.ExitAsync();
        return process;
    }

    /// <summary>How the program is started, for tests that need a shell around it.</summary>
    public static ProcessStartInfo Command(string? kubeconfig, params string[] arguments)
    {
        string? program = Environment.GetEnvironmentVariable("PF_TEST_PROGRAM");
        var start = new ProcessStartInfo(program ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        if (program is null)
        {
            start.ArgumentList.Add(Path.Combine(Path.GetDirectoryName(Assembly.GetExecutingAssembly().Location)!, "pf.dll"));
        }

        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (string name in (string[])["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "KUBECTL_PORT_FORWARD_WEBSOCKETS", "KUBERNETES_SERVICE_HOST"])
        {
            start.Environment.Remove(name);
        }

        start.Environment["HOME"] = Path.GetTempPath();
        start.Environment["KUBECONFIG"] = kubeconfig ?? Path.Combine(Path.GetTempPath(), "no-such-kubeconfig");
        return start;
    }

    /// <summary>A command that is started by a POSIX shell: <c>"$@"</c> in the script stands for it.</summary>
    public static ProcessStartInfo InShell(ProcessStartInfo command, string script)
    {
        string[] words = [command.FileName, .. command.ArgumentList];
        command.FileName = "/bin/sh";
        command.ArgumentList.Clear();
        foreach (string word in (string[])["-c", script, "sh", .. words])
        {
            command.ArgumentList.Add(word);
        }

        return command;
    }

    /// <summary>Waits for a line of stdout.</summary>
    public Task<string> OutputLineAsync(Func<string, bool> wanted) => LineAsync(_output, wanted);

    /// <summary>Waits for a line of stderr.</summary>
    public Task<string> ErrorLineAsync(Func<string, bool> wanted) => LineAsync(_error, wanted);

    /// <summary>Waits until a port of the pod is forwarded, and says on which local port.</summary>
    public async Task<int> LocalPortAsync(int targetPort)
    {
        string line = await OutputLineAsync(line => ForwardingLine().Match(line) is { Success: true } match && match.Groups["target"].Value == $"{targetPort}");
        return int.Parse(ForwardingLine().Match(line).Groups["local"].Value);
    }

    /// <summary>Waits for the end of the program and of its output.</summary>
    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().Soon();
        await Task.WhenAll(_outputEnded.Task, _errorEnded.Task).Soon();
        return _process.ExitCode;
    }

    public void Signal(int signal) => Signal(_process.Id, signal);

    public static void Signal(int processId, int signal) => Kill(processId, signal).Should().Be(0);

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true); // A shell does not take along what it has started.
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private void Add(ConcurrentQueue<string> lines, string? line, TaskCompletionSource<bool> ended)
    {
        if (line is null)
        {
            ended.TrySetResult(true);
        }
        else
        {
            lines.Enqueue(line);
        }

        _changed.Release();
    }

    private async Task<string> LineAsync(ConcurrentQueue<string> lines, Func<string, bool> wanted)
    {
        while (true)
        {
            bool ended = _outputEnded.Task.IsCompleted && _errorEnded.Task.IsCompleted; // Before the look at the lines: what comes between the two would be missed.
            if (lines.FirstOrDefault(wanted) is { } line)
            {
                return line;
            }

            if (ended || !await _changed.WaitAsync(Waiting.Patience))
            {
                throw new InvalidOperationException($"The line did not come.\nstdout:\n{string.Join('\n', _output)}\nstderr:\n{string.Join('\n', _error)}");
            }
        }
    }

    [GeneratedRegex(@"^Forwarding from 127\.0\.0\.1:(?<local>\d+) -> (?<target>\d+)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ForwardingLine();

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);
}
