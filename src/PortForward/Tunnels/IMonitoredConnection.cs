namespace PortForward.Tunnels;

/// <summary>A connection to a pod, as <see cref="Liveness"/> sees it.</summary>
internal interface IMonitoredConnection
{
    /// <summary>How many bytes have arrived so far. As long as it grows, the peer is alive.</summary>
    long BytesReceived { get; }

    /// <summary>Whether the connection waits for the peer at this moment, and not for a client that does not read.</summary>
    bool IsReading { get; }

    /// <summary>Whether data was sent that the peer has not acknowledged. An application that does not read may then be the reason for its silence.</summary>
    bool HasUnacknowledgedData { get; }

    /// <summary>Pings the peer, and waits for the reply until the token is cancelled at most.</summary>
    Task PingAsync(CancellationToken untilNext);

    /// <summary>Called when <see cref="Liveness.IsSilent"/> or <see cref="Liveness.IsUnresponsive"/> has become true.</summary>
    void ReportSilence();

    /// <summary>Ends the connection, as it is dead.</summary>
    void Abort(TimeoutException reason);
}
