namespace PortForward;

/// <summary>Text that a server, or something on the way to it, has put into an answer.</summary>
internal static class ForeignText
{
    /// <summary>One line of bounded length, fit for a terminal.</summary>
    public static string OneLine(string? text) => UntrustedText.OneLine(text);
}
