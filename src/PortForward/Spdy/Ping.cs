namespace PortForward.Spdy;

/// <summary>A PING of this side.</summary>
/// <param name="id">Its id, which the pong repeats.</param>
/// <param name="sent">Which of the peer's workers gets it, and what its pong acknowledges.</param>
internal sealed class Ping(uint id, PeerWorkers.SentPing sent)
{
    private readonly TaskCompletionSource<bool> _pong = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public uint Id => id;

    public PeerWorkers.SentPing Sent => sent;

    /// <summary>Completes with true when the pong has come, and with false when none will come.</summary>
    public Task<bool> Pong => _pong.Task;

    /// <summary>Whether nobody waits for the pong any more. Set by <see cref="Pings"/>.</summary>
    public bool IsWithdrawn { get; set; }

    /// <summary>Tells whoever waits whether the pong has come.</summary>
    public void Complete(bool hasPong) => _pong.TrySetResult(hasPong);
}
