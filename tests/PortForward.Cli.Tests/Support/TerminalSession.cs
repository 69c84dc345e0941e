using System.Diagnostics;
using System.Text;

namespace PortForward.Cli.Tests.Support;

/// <summary>A program in a terminal of its own, with somebody who types and reads.</summary>
internal sealed class TerminalSession : IAsyncDisposable
{
    public const string Program = "/usr/bin/script";
    public const char CtrlC = '\u0003', CtrlBackslash = '\u001c';

    private readonly Process _process;
    private readonly StringBuilder _screen = new();
    private readonly Task _reading;

    private TerminalSession(Process process)
    {
        _process = process;
        _reading = ReadAsync();
    }

    /// <summary>All that was shown so far.</summary>
    public string Screen
    {
        get
        {
            lock (_screen)
            {
                return _screen.ToString();
            }
        }
    }

    /// <summary>Starts a program in a new terminal.</summary>
    public static TerminalSession Start(ProcessStartInfo command)
    {
        string words = string.Join(' ', command.ArgumentList.Prepend(command.FileName).Select(static word => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
        command.FileName = Program;
        command.ArgumentList.Clear();
        foreach (string argument in (string[])["-q", "-e", "-f", "-c", $"exec {words}", "/dev/null"])
        {
            command.ArgumentList.Add(argument);
        }

        return new TerminalSession(Process.Start(command)!);
    }

    public Task TypeAsync(char key) => TypeAsync($"{key}");

    public async Task TypeAsync(string keys)
    {
        await _process.StandardInput.WriteAsync(keys);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Waits until a text has been shown.</summary>
    public Task ShowsAsync(string text) => Waiting.UntilAsync(() => Screen.Contains(text, StringComparison.Ordinal));

    /// <summary>Waits for the program's end.</summary>
    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().Soon();
        await _reading.Soon();
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private async Task ReadAsync()
    {
        char[] buffer = new char[1024];
        while (await _process.StandardOutput.ReadAsync(buffer) is > 0 and int read)
        {
            lock (_screen)
            {
                _screen.Append(buffer, 0, read);
            }
        }
    }
}
