namespace PortForward.Cli.Tests.Support;

/// <summary>A test that needs signals or a POSIX shell.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute() => Skip = OperatingSystem.IsWindows() ? "needs signals and a POSIX shell" : null;
}

/// <summary>A table of tests that need signals or a POSIX shell.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnixTheoryAttribute : TheoryAttribute
{
    public UnixTheoryAttribute() => Skip = OperatingSystem.IsWindows() ? "needs signals and a POSIX shell" : null;
}
