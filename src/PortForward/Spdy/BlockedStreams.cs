using Microsoft.Extensions.Logging;

namespace PortForward.Spdy;

/// <summary>Ends the streams that would wait forever behind a blocked worker. <see cref="WorkerBlockage"/> decides which worker is blocked.</summary>
/// <param name="gate">The session's lock.</param>
/// <param name="streams">The open streams.</param>
/// <param name="pings">The PINGs without a pong.</param>
/// <param name="blockage">Which workers are blocked.</param>
/// <param name="abort">Ends the session.</param>
/// <param name="logger">For diagnostics.</param>
internal sealed partial class BlockedStreams(Lock gate, StreamTable streams, Pings pings, WorkerBlockage blockage, Action<Exception> abort, ILogger logger)
{
    /// <summary>See <see cref="SpdySession.TryReleaseStreamsBehind"/>.</summary>
    public bool TryReleaseBehind(SpdyStream stream, bool isReading)
    {
        IReadOnlyList<SpdyStream> behind = [];
        Ping[] unanswered = [];
        WorkerProbe probe;
        lock (gate)
        {
            if (pings.IsClosed)
            {
                return true;
            }

            probe = blockage.Probe(stream.Id, stream.LastDataFrame, stream.LastProbe, isReading);
            switch (probe.Result)
            {
                case ProbeResult.NotBlocked:
                    return true;

                case ProbeResult.Unclear:
                    stream.LastProbe = probe;
                    return false;

                case ProbeResult.WorkerBlocked:
                    behind = [.. streams.FindAll(IsBehindBlocked).SelectMany(static behind => behind.Group).Distinct()];
                    unanswered = pings.UnansweredBy(PeerWorkers.Of(stream.Id));
                    break;
            }
        }

        if (probe.Result == ProbeResult.PeerBlocked)
        {
            abort(new SpdyProtocolException("the peer has stopped reading, with too many frames queued behind data that it never handles"));
            return true;
        }

        LogWorkerBlocked(logger, stream.Id, behind.Count);
        End(behind);
        foreach (Ping ping in unanswered)
        {
            ping.Complete(hasPong: false);
        }

        return true;
    }

    /// <summary>Ends a stream, and those that were opened together with it, if its worker is blocked. Returns whether it is.</summary>
    public bool EndIfBlocked(SpdyStream stream)
    {
        bool isBlocked = blockage.IsBlocked(stream.Id);
        if (isBlocked)
        {
            End(stream.Group);
        }

        return isBlocked;
    }

    private static void End(IReadOnlyList<SpdyStream> streams)
    {
        foreach (SpdyStream stream in streams)
        {
            stream.EndLocally(StreamEndKind.SessionLost, ResetStatus.Cancel);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "A worker of the peer is blocked by data of stream {StreamId}; streams behind it that end: {Count}")]
    private static partial void LogWorkerBlocked(ILogger logger, uint streamId, int count);

    private bool IsBehindBlocked(SpdyStream stream) => blockage.IsBehindBlocked(stream.Id, stream.LastFrame);
}
