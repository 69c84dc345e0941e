namespace PortForward.Spdy;

/// <summary>What a probe of a stream's worker has shown.</summary>
internal enum ProbeResult
{
    /// <summary>The peer has acknowledged all data of the stream, which blocks nothing.</summary>
    NotBlocked,

    /// <summary>It is not clear yet why the worker does not acknowledge the data.</summary>
    Unclear,

    /// <summary>The worker owes a pong, while another one has answered a much later PING.</summary>
    WorkerBlocked,

    /// <summary>The peer has acknowledged nothing for long, and only streams that have ended can be the reason.</summary>
    PeerBlocked,
}

/// <summary>A probe of a stream's worker; each one starts from the one before.</summary>
/// <param name="Result">What it has shown.</param>
/// <param name="PingsBefore">How many PINGs had been sent at the stream's first probe.</param>
/// <param name="Acknowledged">How many frames were acknowledged, by all workers.</param>
/// <param name="Silent">How many probes in a row found nothing acknowledged, while only streams that have ended could be the reason.</param>
internal sealed record WorkerProbe(ProbeResult Result, long PingsBefore, long Acknowledged, int Silent);
