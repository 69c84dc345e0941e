namespace PortForward.Cli.Tests.Support;

/// <summary>A test that needs a terminal, which the program <c>script</c> of util-linux gives it.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TerminalFactAttribute : FactAttribute
{
    public TerminalFactAttribute() => Skip = OperatingSystem.IsLinux() && File.Exists(TerminalSession.Program) ? null : "needs script of util-linux";
}
