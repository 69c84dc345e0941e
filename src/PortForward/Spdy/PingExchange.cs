namespace PortForward.Spdy;

/// <summary>Sends PINGs and waits for their pongs, and answers the PINGs of the peer.</summary>
/// <param name="gate">The session's lock. It is held while PINGs are queued, since their order on the wire decides which worker gets which.</param>
/// <param name="sender">The writing half of the session.</param>
/// <param name="workers">The peer's workers.</param>
/// <param name="pings">The PINGs without a pong.</param>
/// <param name="blockage">Which workers are blocked.</param>
internal sealed class PingExchange(Lock gate, FrameSender sender, PeerWorkers workers, Pings pings, WorkerBlockage blockage)
{
    private enum Target
    {
        NextWorker,
        WorkerOfStream,
        EveryWorker,
    }

    /// <summary>How many pongs somebody waits for.</summary>
    public int Awaited
    {
        get
        {
            lock (gate)
            {
                return pings.Awaited;
            }
        }
    }

    /// <summary>Sends one PING, to whichever worker is next. True when its pong has come, false when the session ended first.</summary>
    public Task<bool> PingAsync(CancellationToken cancellationToken) => SendAsync(Target.NextWorker, stream: null, finish: false, cancellationToken);

    /// <summary>Sends a PING to each worker. True when all pongs have come, false when the session ended first.</summary>
    public Task<bool> PingEveryWorkerAsync(CancellationToken cancellationToken) =>
        SendAsync(Target.EveryWorker, stream: null, finish: false, cancellationToken);

    /// <summary>Waits until the peer has acknowledged everything that was sent on a stream, even while other streams are blocked.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True when all of it is acknowledged; false when the stream's worker is blocked, or the session ended first. It may take forever.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before.</exception>
    public Task<bool> RequestAcknowledgementAsync(SpdyStream stream, CancellationToken cancellationToken) =>
        blockage.IsBlocked(stream.Id) ? Task.FromResult(false) : SendAsync(Target.WorkerOfStream, stream, finish: false, cancellationToken);

    /// <summary>
    /// Ends this side's half of a stream, and waits until the peer has acknowledged everything that was sent on it. The PINGs go out in one write with the FIN,
    /// since each write costs every hop on the way as much as one with data. They come before the FIN, which no worker is ever blocked by.
    /// </summary>
    /// <param name="stream">The stream.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>True when all of it is acknowledged; false when the stream's worker is blocked, or the session ended first. It may take forever.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled before.</exception>
    public async Task<bool> FinishAndRequestAcknowledgementAsync(SpdyStream stream, CancellationToken cancellationToken)
    {
        if (blockage.IsBlocked(stream.Id))
        {
            await stream.FinishAsync(CancellationToken.None).ConfigureAwait(false);
            return false;
        }

        bool hasPong = await SendAsync(Target.WorkerOfStream, stream, finish: true, cancellationToken).ConfigureAwait(false);

        // Data that waited for its turn ahead of the FIN went out behind the PINGs.
        return hasPong
            && (workers.IsAcknowledged(stream.Id, stream.LastDataFrame) || await RequestAcknowledgementAsync(stream, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Handles a PING that has come: a pong if its id is odd, otherwise a PING of the peer.</summary>
    public void OnPing(uint id)
    {
        if (id % 2 == 1)
        {
            OnPong(id);
        }
        else
        {
            Answer(id);
        }
    }

    private void OnPong(uint id)
    {
        Ping? ping;
        lock (gate)
        {
            ping = pings.TakeAnswered(id);
        }

        if (ping is not null)
        {
            workers.OnPong(ping.Sent);
            ping.Complete(hasPong: true);
        }
    }

    private void Answer(uint id)
    {
        Span<byte> frame = stackalloc byte[ControlFrames.PingSize];
        ControlFrames.WritePing(frame, id);
        bool hadRoom;
        lock (gate)
        {
            // The peer hands it to its next worker, like one of ours, and no pong follows.
            workers.SendPing();
            hadRoom = sender.Enqueue(frame);
        }

        sender.FlushOrFault(hadRoom);
    }

    private async Task<bool> SendAsync(Target target, SpdyStream? stream, bool finish, CancellationToken cancellationToken)
    {
        await sender.WaitForRoomAsync(cancellationToken).ConfigureAwait(false);
        if (Enqueue(target, stream, out bool hadRoom) is not { } sent)
        {
            return false;
        }

        try
        {
            bool isSent = hadRoom && finish && await stream!.FinishAsync(CancellationToken.None).ConfigureAwait(false);
            if (!isSent)
            {
                sender.FlushOrFault(hadRoom);
                if (finish && blockage.IsBlocked(stream!.Id))
                {
                    return false;
                }
            }

            if (target != Target.EveryWorker)
            {
                return await sent[^1].Pong.WaitAsync(cancellationToken).ConfigureAwait(false);
            }

            bool[] pongs = await Task.WhenAll(sent.Select(static ping => ping.Pong)).WaitAsync(cancellationToken).ConfigureAwait(false);
            return Array.TrueForAll(pongs, static hasPong => hasPong);
        }
        finally
        {
            Withdraw(sent);
        }
    }

    /// <summary>Queues PINGs behind all frames that were sent before. Null if the session has ended.</summary>
    private Ping[]? Enqueue(Target target, SpdyStream? stream, out bool hadRoom)
    {
        lock (gate)
        {
            hadRoom = false;
            if (pings.IsClosed)
            {
                return null;
            }

            var sent = new Ping[target switch
            {
                Target.NextWorker => 1,
                Target.EveryWorker => PeerWorkers.Count,
                _ => workers.PingsUntil(PeerWorkers.Of(stream!.Id)),
            }];
            Span<byte> frames = stackalloc byte[PeerWorkers.Count * ControlFrames.PingSize];
            for (int i = 0; i < sent.Length; i++)
            {
                sent[i] = pings.Add(workers.SendPing());
                ControlFrames.WritePing(frames[(i * ControlFrames.PingSize)..], sent[i].Id);
            }

            hadRoom = sender.Enqueue(frames[..(sent.Length * ControlFrames.PingSize)]);
            return sent;
        }
    }

    private void Withdraw(Ping[] sent)
    {
        lock (gate)
        {
            foreach (Ping ping in sent)
            {
                pings.Withdraw(ping);
            }
        }
    }
}
