using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace PortForward.Benchmarks.Load;

/// <summary>A forward that runs: either program, started with the same arguments, on local ports of its own choice.</summary>
internal sealed partial class ForwardProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly List<int> _ports = [];
    private readonly TaskCompletionSource _allPorts = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly int _wanted;

    private ForwardProcess(Process process, int wanted)
    {
        _process = process;
        _wanted = wanted;
    }

    /// <summary>How long it took from the start of the process to the first connection that was accepted.</summary>
    public TimeSpan StartTime { get; private set; }

    /// <summary>The first local port.</summary>
    public int Port => _ports[0];

    /// <summary>The local ports, in the order of the target's ports.</summary>
    public IReadOnlyList<int> Ports => _ports;

    /// <summary>Processor time so far, in user and kernel mode.</summary>
    public TimeSpan ProcessorTime => Now().TotalProcessorTime;

    /// <summary>The most memory that was ever resident, in bytes.</summary>
    public long PeakMemory => Now().PeakWorkingSet64;

    /// <summary>The memory that is resident now, in bytes.</summary>
    public long Memory => Now().WorkingSet64;

    /// <summary>Whether the program has ended by itself.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>What it has written to stderr.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
                return _errors.ToString();
        }
    }

    /// <summary>Starts a program and waits until it accepts connections.</summary>
    /// <exception cref="ForwardFailedException">It does not.</exception>
    public static async Task<ForwardProcess> StartAsync(ForwardProgram program, string kubeconfig, string target, IReadOnlyList<int> ports)
    {
        string[] arguments = [.. program.Subcommand is null ? Array.Empty<string>() : [program.Subcommand], target, .. ports.Select(port => $":{port}")];
        var start = new ProcessStartInfo(program.Path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.Environment["KUBECONFIG"] = kubeconfig;

        var started = Stopwatch.GetTimestamp();
        var forward = new ForwardProcess(Process.Start(start)!, ports.Count);
        forward.ReadOutput();
        try
        {
            await forward._allPorts.Task.WaitAsync(Patience);
            using var first = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await first.ConnectAsync(IPAddress.Loopback, forward.Port);
            forward.StartTime = Stopwatch.GetElapsedTime(started);
            return forward;
        }
        catch (Exception e) when (e is TimeoutException or SocketException or ForwardFailedException)
        {
            await forward.DisposeAsync();
            throw new ForwardFailedException($"{program.Name} did not become ready: {e.Message} {forward.Errors}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private void ReadOutput()
    {
        _process.OutputDataReceived += (_, line) => Take(line.Data);
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
                _errors.AppendLine(line.Data);
        };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            _allPorts.TrySetException(new ForwardFailedException("It ended."));
        }
        else if (_ports.Count < _wanted && ForwardingLine().Match(line) is { Success: true } match)
        {
            _ports.Add(int.Parse(match.Groups["port"].Value));
            if (_ports.Count == _wanted)
                _allPorts.TrySetResult();
        }
    }

    /// <summary>The process, as it is at this moment.</summary>
    /// <exception cref="ForwardFailedException">The program has ended by itself.</exception>
    private Process Now()
    {
        _process.Refresh();
        return _process.HasExited ? throw new ForwardFailedException($"It ended. {Errors}") : _process;
    }

    [GeneratedRegex(@"^Forwarding from 127\.0\.0\.1:(?<port>\d+) ", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ForwardingLine();
}
