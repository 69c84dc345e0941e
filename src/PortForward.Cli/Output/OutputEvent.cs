using System.Net;
using Microsoft.Extensions.Logging;

namespace PortForward.Cli.Output;

/// <summary>One thing that the program says: a sentence for people, and the same in fields for programs.</summary>
/// <param name="Type">What it is, one of <see cref="EventTypes"/>.</param>
/// <param name="Level">How serious it is.</param>
/// <param name="Message">The sentence.</param>
internal sealed record OutputEvent(string Type, LogLevel Level, string Message)
{
    /// <summary>The most characters of a message that are shown. What is longer was written by others for the most part.</summary>
    public const int MaxLength = 4096;

    /// <summary>Why it happened, in a word that stays the same; null if there is nothing to tell apart.</summary>
    public string? Reason { get; init; }

    /// <summary>The pod that it is about.</summary>
    public string? Pod { get; init; }

    /// <summary>The local address and port, or the socket file, that it is about.</summary>
    public EndPoint? Local { get; init; }

    /// <summary>The pod's port behind it.</summary>
    public RemotePort? Remote { get; init; }

    /// <summary>What else there is to tell; the values are text, numbers or lists of text.</summary>
    public IReadOnlyList<(string Name, object? Value)> Fields { get; init; } = [];

    /// <summary>The part of the program that a diagnostic line comes from; null for everything else.</summary>
    public string? Category { get; init; }

    /// <summary>The exception behind it, if that is to be shown.</summary>
    public Exception? Exception { get; init; }
}
