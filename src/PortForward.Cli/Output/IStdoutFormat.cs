using PortForward.Forwarding;

namespace PortForward.Cli.Output;

/// <summary>What one forward has to say on stdout.</summary>
internal interface IStdoutFormat
{
    /// <summary>The text for an event, with the end of its line; null if there is none.</summary>
    string? Render(ForwardEvent forwardEvent);
}
