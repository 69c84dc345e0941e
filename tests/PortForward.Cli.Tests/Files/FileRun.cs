using System.Diagnostics;

namespace PortForward.Cli.Tests.Files;

/// <summary>The built program in a folder of its own, with a home of its own.</summary>
internal static class FileRun
{
    /// <summary>Starts it.</summary>
    /// <param name="kubeconfig">The kubeconfig; null for none.</param>
    /// <param name="folder">The current folder, and the home.</param>
    /// <param name="environment">Environment variables; an empty value takes one away.</param>
    /// <param name="arguments">The arguments.</param>
    public static PfProcess Start(string? kubeconfig, string folder, (string Name, string Value)[] environment, params string[] arguments)
    {
        ProcessStartInfo start = PfProcess.Command(kubeconfig, arguments);
        start.WorkingDirectory = folder;
        start.Environment["HOME"] = folder;
        start.Environment.Remove("XDG_CONFIG_HOME");
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        return PfProcess.Start(start);
    }

    /// <summary>Runs it to its end.</summary>
    public static async Task<(int ExitCode, IReadOnlyList<string> Output, IReadOnlyList<string> Error)> RunAsync(
        string? kubeconfig, string folder, params string[] arguments)
    {
        await using PfProcess pf = Start(kubeconfig, folder, [], arguments);
        int exitCode = await pf.ExitAsync();
        return (exitCode, pf.Output, pf.Error);
    }
}
