namespace PortForward.Cli.Tests.Support;

/// <summary>A test with a real ssh server and git. PF_TEST_SSHD names another sshd than the system's.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SshFactAttribute : FactAttribute
{
    public SshFactAttribute() => Skip = WhyNot();

    /// <summary>The server's program, whose path must be whole.</summary>
    public static string Server => Environment.GetEnvironmentVariable("PF_TEST_SSHD") ?? "/usr/sbin/sshd";

    private static string? WhyNot()
    {
        string[] missing = [.. ((string[])["ssh", "ssh-keygen", "git"]).Where(static program => !IsInPath(program)), .. File.Exists(Server) ? [] : (string[])[Server]];
        return missing.Length > 0 ? $"needs {string.Join(", ", missing)}"
            : Environment.UserName == "root" && !Directory.Exists("/run/sshd") ? "needs /run/sshd, as sshd of the user root does"
            : null;
    }

    private static bool IsInPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
