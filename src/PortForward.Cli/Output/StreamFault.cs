namespace PortForward.Cli.Output;

/// <summary>Why a standard stream accepts nothing any more.</summary>
/// <param name="IsClosed">Whether there is nobody any more to read it: it is closed, or its terminal is gone.</param>
/// <param name="Reason">The system's words.</param>
internal sealed record StreamFault(bool IsClosed, string Reason)
{
    /// <summary>Whether the user is to be told. One who closes a pipe knows, and a program that ends in its middle is to be quiet about it.</summary>
    public bool IsWorthTelling { get; init; } = !IsClosed;
}
