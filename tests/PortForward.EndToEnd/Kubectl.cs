using System.Diagnostics;

namespace PortForward.EndToEnd;

/// <summary>kubectl, with which the tests change the cluster.</summary>
internal static class Kubectl
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    /// <summary>Runs kubectl to its end.</summary>
    /// <returns>Its stdout.</returns>
    public static Task<string> RunAsync(params string[] arguments) => RunWithAsync("", arguments);

    /// <summary>Makes objects.</summary>
    public static Task ApplyAsync(string @namespace, string yaml) => RunWithAsync(yaml, ["apply", "-n", @namespace, "-f", "-"]);

    private static async Task<string> RunWithAsync(string input, string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("PF_TEST_KUBECTL") ?? "kubectl", arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync().WaitAsync(Limit);
        await process.WaitForExitAsync().WaitAsync(Limit);
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"kubectl {string.Join(' ', arguments)}: {await error}");
    }
}
