using PortForward.Forwarding;

namespace PortForward.Cli.Output;

/// <summary>kubectl's lines.</summary>
/// <param name="isQuiet">Whether connections are not told.</param>
internal sealed class KubectlLines(bool isQuiet) : IStdoutFormat
{
    public string? Render(ForwardEvent forwardEvent) => forwardEvent switch
    {
        ListenerOpened opened => $"Forwarding from {ListenText.Of(opened.Port.Local)} -> {opened.Port.TargetPort}{Environment.NewLine}",
        ConnectionAccepted accepted when !isQuiet => $"Handling connection for {accepted.Port.Label}{Environment.NewLine}",
        _ => null,
    };
}
