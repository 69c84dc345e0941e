using System.Collections;
using System.Diagnostics;

namespace PortForward.Samples.Tests;

/// <summary>The SDK's command line, and programs that were built by it. What the test run was started with is not seen by them.</summary>
internal static class DotNet
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Runs to the end.</summary>
    /// <param name="folder">The working folder.</param>
    /// <param name="kubeconfig">The kubeconfig, or null for none.</param>
    /// <param name="arguments">The command line.</param>
    /// <returns>What was written to stdout.</returns>
    /// <exception cref="InvalidOperationException">It failed; the message has its output.</exception>
    public static async Task<string> RunAsync(string folder, string? kubeconfig, params string[] arguments)
    {
        using Process process = Process.Start(Command(folder, kubeconfig, arguments))!;
        process.StandardInput.Close();
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> error = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync().WaitAsync(Patience);
            return process.ExitCode == 0
                ? await output.Soon()
                : throw new InvalidOperationException($"dotnet {string.Join(' ', arguments)}: exit code {process.ExitCode}\n{await output.Soon()}\n{await error.Soon()}");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    /// <summary>How it is started.</summary>
    public static ProcessStartInfo Command(string folder, string? kubeconfig, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string name in Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(variable => (string)variable.Key).Where(IsOfThisRun))
        {
            start.Environment.Remove(name);
        }

        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["KUBECONFIG"] = kubeconfig ?? Path.Combine(folder, "no-such-kubeconfig");
        return start;
    }

    /// <summary>Proxies are kept for restoring packages; no proxy leads to a server on this machine.</summary>
    private static bool IsOfThisRun(string name) =>
        name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("KUBERNETES_", StringComparison.Ordinal)
        || name is "RestoreLockedMode";
}
