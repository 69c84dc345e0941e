namespace PortForward.Cli.Output;

/// <summary>The formats of <c>--log-format</c>.</summary>
internal enum LogFormat
{
    /// <summary>Lines for people.</summary>
    Text,

    /// <summary>One JSON object a line.</summary>
    Json,
}
