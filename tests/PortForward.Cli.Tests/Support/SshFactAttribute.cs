namespace PortForward.Cli.Tests.Support;

/// <summary>A test with a real ssh server and git; skipped, with the reason, where one of them is missing. PF_TEST_SSHD names another sshd than the system's.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SshFactAttribute : FactAttribute
{
    public SshFactAttribute() => Skip = WhyNot();

    /// <summary>The server's program: it wants to be started by its whole path.</summary>
    public static string? Server => Environment.GetEnvironmentVariable("PF_TEST_SSHD") ?? Programs.Find("sshd", "/usr/sbin", "/usr/local/sbin");

    private static string? WhyNot()
    {
        string[] missing = [.. ((string[])["ssh", "ssh-keygen", "git"]).Where(static program => Programs.Find(program) is null), .. Server is null ? (string[])["sshd"] : []];
        return OperatingSystem.IsWindows() ? "needs a POSIX shell"
            : missing.Length > 0 ? $"needs {string.Join(", ", missing)}"
            : Environment.UserName == "root" && !(Directory.Exists("/run/sshd") && HasUser("sshd")) ? "needs the folder /run/sshd and the user sshd, without which sshd does not run as root"
            : null;
    }

    private static bool HasUser(string name) => File.Exists("/etc/passwd") && File.ReadLines("/etc/passwd").Any(line => line.StartsWith($"{name}:", StringComparison.Ordinal));
}
