using System.Net;

namespace PortForward.Tunnels;

/// <summary>The kinds of reasons why no tunnel could be opened.</summary>
public enum TunnelFaultKind
{
    /// <summary>The server answered the upgrade with something else than 101.</summary>
    Refused,

    /// <summary>The server answered 101, but not as the protocol demands; or the connection was cut instead of an answer.</summary>
    BadUpgrade,

    /// <summary>The server could not be reached: name, dial, proxy or TLS.</summary>
    Unreachable,

    /// <summary>The server did not answer in time.</summary>
    TimedOut,

    /// <summary>The tunnel was established, but ended before a connection could use it.</summary>
    Lost,

    /// <summary>A connection that had failed on one pod was to be tried on another, and there is none.</summary>
    NoOtherPod,

    /// <summary>There was no pod to connect to for as long as a connection may wait.</summary>
    NoPod,
}

/// <summary>Why no tunnel could be opened: an expected failure, so a value.</summary>
/// <param name="Kind">The kind of the reason.</param>
/// <param name="Message">One sentence for people.</param>
public sealed record TunnelFault(TunnelFaultKind Kind, string Message)
{
    /// <summary>The longest wait that a server can ask for: two minutes. After that it is tried again in any case.</summary>
    public static readonly TimeSpan LongestRetryAfter = TimeSpan.FromMinutes(2);

    /// <summary>The transport that failed of this when others were tried too, and failed of other reasons; null otherwise.</summary>
    public string? FailedTransport { get; init; }

    /// <summary>The status code of a refusal.</summary>
    public HttpStatusCode? StatusCode { get; init; }

    /// <summary>The reason phrase of a refusal.</summary>
    public string? ReasonPhrase { get; init; }

    /// <summary>The body of a refusal, cut at 64 KiB: from an API server a Status object in JSON, from a proxy anything.</summary>
    public string? Body { get; init; }

    /// <summary>How long the server asks to wait before the next try (Retry-After of a 429 or 503): from zero to <see cref="LongestRetryAfter"/>, whatever it wrote.</summary>
    public TimeSpan? RetryAfter
    {
        get;
        init => field = value is { } asked ? TimeSpan.FromTicks(Math.Clamp(asked.Ticks, 0, LongestRetryAfter.Ticks)) : null;
    }

    /// <summary>The exception behind <see cref="TunnelFaultKind.Unreachable"/>, or behind a connection that was cut.</summary>
    public Exception? Cause { get; init; }
}
