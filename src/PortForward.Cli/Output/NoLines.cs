using PortForward.Forwarding;

namespace PortForward.Cli.Output;

/// <summary>Nothing: stdout is a command's.</summary>
internal sealed class NoLines : IStdoutFormat
{
    public string? Render(ForwardEvent forwardEvent) => null;
}
