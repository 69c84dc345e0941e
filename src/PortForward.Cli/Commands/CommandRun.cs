using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using PortForward.Cli.Files;
using PortForward.Cluster;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cli.Commands;

/// <summary>
/// The command behind <c>--</c>: started once all forwards are ready, with stdin, stdout and stderr of its own, and told where they can be reached. The program ends with
/// it and never before it.
/// </summary>
internal sealed class CommandRun : IDisposable
{
    /// <summary>The exit code if the command was not started because this program has failed, as for <c>env</c> and <c>timeout</c>.</summary>
    public const int NotStarted = 125;

    private const int CannotRun = 126, NotFound = 127;
    private const int FileNotFound = 2; // ENOENT, as on Windows

    private readonly Process _process;
    private readonly TaskCompletionSource _exited = new();
    private int _terminations;

    private CommandRun(Process process) => _process = process;

    /// <summary>Runs a command to its end: signals are its own while it runs, and the program's again once it has ended, to end at once what is drained.</summary>
    /// <param name="arguments">The command with its arguments and variables.</param>
    /// <param name="forwards">The forwards, all ready.</param>
    /// <param name="signals">The program's signals.</param>
    /// <returns>Its exit code; 128 and the signal's number if a signal has ended it.</returns>
    /// <exception cref="RunException">It could not be started.</exception>
    /// <exception cref="OperationCanceledException">The end was asked for before it was started.</exception>
    public static async Task<int> RunAsync(ForwardArguments arguments, ForwardSet forwards, TerminationSignals signals)
    {
        signals.Requested.ThrowIfCancellationRequested();
        using CommandRun command = Start(arguments, forwards);
        signals.PassOnTo(command.PassOn, command.Send);
        int exitCode = await command.ExitAsync();
        signals.PassOnTo(_ => signals.RequestAtOnce());
        return exitCode;
    }

    /// <summary>Starts a command.</summary>
    /// <param name="arguments">The command with its arguments and variables.</param>
    /// <param name="forwards">The forwards, all ready.</param>
    /// <exception cref="RunException">It could not be started.</exception>
    private static CommandRun Start(ForwardArguments arguments, IReadOnlyCollection<Forward> forwards)
    {
        string[] filled = [.. arguments.Command.Select(word => arguments.HasTemplates ? ForwardTemplates.Fill(word, forwards) : word)];
        var start = new ProcessStartInfo(Find(filled[0])) { UseShellExecute = false };
        foreach (string argument in filled.Skip(1))
        {
            start.ArgumentList.Add(argument);
        }

        foreach (RunFileVariable variable in arguments.Variables)
        {
            string advice = $" (see {variable.Name} in the file)";
            IEnumerable<string> parts = variable.Value.Select(part => part.Forward is null ? part.Text : ForwardTemplates.Fill(part.Text, forwards, advice));
            start.Environment[variable.Name] = string.Concat(parts);
        }

        foreach ((string name, string value) in ForwardVariables.Of(forwards, start.Environment.ContainsKey))
        {
            start.Environment[name] = value;
        }

        try
        {
            return new CommandRun(Process.Start(start)!);
        }
        catch (Win32Exception e)
        {
            throw new RunException(CommandFault.Of(filled[0], start.FileName, e.NativeErrorCode), e.NativeErrorCode == FileNotFound ? NotFound : CannotRun);
        }
    }

    private async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync();
        _exited.SetResult();
        return _process.ExitCode;
    }

    /// <summary>Passes a signal on to the command, unless the terminal has delivered it there already. A second request to terminate kills it.</summary>
    private void PassOn(PosixSignal signal)
    {
        if (_exited.Task.IsCompleted)
        {
            return;
        }

        if (OperatingSystem.IsWindows())
        {
            // A console tells all of its programs of Ctrl-C and of its own end.
            return;
        }

        if (signal == PosixSignal.SIGTERM && Interlocked.Increment(ref _terminations) > 1)
        {
            _ = ControllingTerminal.Kill(_process.Id, SignalNumber.Kill);
        }
        else if (signal is not (PosixSignal.SIGINT or PosixSignal.SIGQUIT) || !ControllingTerminal.IsOurs())
        {
            Send(signal);
        }
    }

    private void Send(PosixSignal signal)
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = ControllingTerminal.Kill(_process.Id, SignalNumber.Of(signal));
        }
    }

    public void Dispose() => _process.Dispose();

    private static string Find(string command)
    {
        if (command.Contains(Path.DirectorySeparatorChar, StringComparison.Ordinal) || command.Contains(Path.AltDirectorySeparatorChar, StringComparison.Ordinal))
        {
            string path = Path.GetFullPath(command);
            return File.Exists(path) ? path
                : ExecutableSearch.Find(path, LocalEnvironment.Current) is { } withExtension ? withExtension
                : Directory.Exists(path) ? throw new RunException($"{command} is a folder", CannotRun)
                : throw new RunException($"{command} does not exist", NotFound);
        }

        return command.Length == 0 ? throw new RunException("the command is empty: is its variable set?", NotFound)
            : ExecutableSearch.Find(command, LocalEnvironment.Current) ?? throw new RunException($"{command} was not found in PATH", NotFound);
    }
}
