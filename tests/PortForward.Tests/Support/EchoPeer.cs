using System.Collections.Concurrent;

namespace PortForward.Tests.Support;

/// <summary>A runtime whose application sends back what it gets, in frames of random sizes, and closes when the client does.</summary>
/// <param name="peer">The peer's side of the session.</param>
/// <param name="random">Decides the sizes.</param>
/// <param name="resetEvery">Resets a stream instead of answering once in so many frames; 0 for never.</param>
internal sealed class EchoPeer(SpdyPeer peer, Random random, int resetEvery = 0)
{
    private readonly HashSet<uint> _dead = [];

    /// <summary>What arrived on each stream.</summary>
    public ConcurrentDictionary<uint, List<byte>> Received { get; } = new();

    /// <summary>Runs until the session ends.</summary>
    public async Task RunAsync()
    {
        try
        {
            while (await peer.ReadAsync() is { } frame)
            {
                await AnswerAsync(frame);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The session was disposed while this side was writing, or in the middle of a frame.
        }
    }

    private async Task AnswerAsync(WireFrame frame)
    {
        if (frame.IsControl)
        {
            if (frame.Type == WireFrame.SynStream)
            {
                await peer.SendAsync(SpdyPeer.SynReply(frame.StreamId));
            }
            else if (frame.Type == WireFrame.RstStream)
            {
                _dead.Add(frame.StreamId);
            }

            return;
        }

        if (_dead.Contains(frame.StreamId))
        {
            return;
        }

        if (resetEvery > 0 && random.Next(resetEvery) == 0)
        {
            _dead.Add(frame.StreamId);
            await peer.SendAsync(SpdyPeer.Rst(frame.StreamId, 5));
            return;
        }

        Received.GetOrAdd(frame.StreamId, static _ => []).AddRange(frame.Body);
        for (int offset = 0; offset < frame.Body.Length;)
        {
            int length = 1 + random.Next(frame.Body.Length - offset);
            await peer.SendAsync(SpdyPeer.Data(frame.StreamId, frame.Body.AsSpan(offset, length)));
            offset += length;
        }

        if (frame.Fin)
        {
            await peer.SendAsync(SpdyPeer.Fin(frame.StreamId));
        }
    }
}
