using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using PortForward.Spdy;

namespace PortForward.Tunnels;

/// <summary>A stream pair made of two streams of a SPDY session.</summary>
internal sealed class SpdyStreamPair : ITunnelPair
{
    /// <summary>The most bytes of an error message that are kept. Real ones have some hundred.</summary>
    private const int MaxErrorMessage = 8 * 1024;

    /// <summary>How long a pair that is released may have waited for its first answer if its tunnel is to be used again: longer than a round trip takes.</summary>
    private static readonly TimeSpan MaxUnansweredTime = TimeSpan.FromSeconds(1);

    private readonly SpdySession _session;
    private readonly SpdyStream _data;
    private readonly SpdyStream _error;
    private volatile bool _isClosedByClient;

    /// <summary>Joins two streams.</summary>
    /// <param name="session">The session that they belong to.</param>
    /// <param name="data">The data stream.</param>
    /// <param name="error">The error stream.</param>
    /// <param name="wait">How long the pod takes to answer.</param>
    public SpdyStreamPair(SpdySession session, SpdyStream data, SpdyStream error, AnswerWait wait)
    {
        _session = session;
        _data = data;
        _error = error;
        AnswerWait = wait;
        Completion = ReadCompletionStatusAsync();
    }

    public PipeReader Input => _data.Input;

    public Task<PairEnd> Completion { get; }

    /// <summary>How long the pod takes to answer.</summary>
    public AnswerWait AnswerWait { get; }

    /// <summary>Whether nothing has come from the pod yet that concerns the pair, which has not ended.</summary>
    public bool AwaitsAnswer => !IsAnswered && !_data.Completion.IsCompleted;

    /// <summary>Whether other pairs of the tunnel may delay the answer.</summary>
    public bool IsBehindOthers => _session.IsBehindOthers(_data) && _session.IsBehindOthers(_error);

    private bool IsAnswered => _data.HasReceived || _error.HasReceived;

    /// <summary>Ends the pair, as the pod does not answer.</summary>
    public void EndUnanswered()
    {
        _error.EndLocally(StreamEndKind.Unanswered, ResetStatus.Cancel);
        _data.EndLocally(StreamEndKind.Unanswered, ResetStatus.Cancel);
    }

    /// <inheritdoc/>
    /// <remarks>It sends no PING if the pod has ended the pair and was sent nothing.</remarks>
    public async Task<bool> DrainAsync(CancellationToken cancellationToken)
    {
        if (_data.Completion is { IsCompletedSuccessfully: true, Result.Kind: StreamEndKind.Unanswered })
        {
            await DisposeAsync().ConfigureAwait(false);
            return false; // The tunnel is not used any more, so nobody waits for it to be drained.
        }

        // If the client closes before the pod has answered, the pod may be stuck: the tunnel must serve nobody else.
        bool isAnswered = IsAnswered || AnswerWait.Waited < MaxUnansweredTime;
        return await IsAcknowledgedAsync(cancellationToken).ConfigureAwait(false) && isAnswered;
    }

    private async Task<bool> IsAcknowledgedAsync(CancellationToken cancellationToken)
    {
        if (EndsGracefully && !IsDrained)
        {
            Task<bool> acknowledged = _session.FinishAndRequestAcknowledgementAsync(_data, cancellationToken);
            await _data.Input.CompleteAsync().ConfigureAwait(false);
            return await acknowledged.ConfigureAwait(false);
        }

        await DisposeAsync().ConfigureAwait(false);
        return IsDrained || await _session.RequestAcknowledgementAsync(_data, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether the pod has ended both streams and was sent nothing.</summary>
    private bool IsDrained => _data.LastDataFrame == 0 && Completion.IsCompleted && PodHasFinished;

    /// <summary>Whether releasing the pair finishes this side's half instead of resetting it. The peer forgets a stream only when both halves have ended.</summary>
    private bool EndsGracefully => _isClosedByClient || PodHasFinished;

    private bool PodHasFinished => _data.Completion.IsCompletedSuccessfully && _data.Completion.Result.Kind == StreamEndKind.Finished;

    public bool TryEndBlockedPairs() => _session.TryReleaseStreamsBehind(_data);

    public ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken) => _data.WriteAsync(data, cancellationToken);

    public async ValueTask FinishAsync(CancellationToken cancellationToken) => await _data.FinishAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>
    /// Resets the data stream only. The runtime then closes the application's socket and ends the error stream gracefully, which
    /// ends the pair.
    /// </summary>
    public void Reset() => _data.Reset();

    public void CloseByClient()
    {
        _isClosedByClient = true;
        _data.Input.CancelPendingRead();
    }

    public async ValueTask DisposeAsync()
    {
        if (EndsGracefully)
        {
            await _data.FinishAsync(CancellationToken.None).ConfigureAwait(false);
        }
        else
        {
            _data.Reset();
        }

        await _data.Input.CompleteAsync().ConfigureAwait(false);
    }

    private async Task<PairEnd> ReadCompletionStatusAsync()
    {
        string message = await ReadMessageAsync().ConfigureAwait(false);
        StreamEnd end = await _error.Completion.ConfigureAwait(false);
        if (message.Length > 0)
        {
            // Whether FIN, RST or nothing follows the message depends on the runtime; the message decides.
            return new PairEnd(PairEndKind.Failed, message);
        }

        return end.Kind switch
        {
            StreamEndKind.Unanswered => new PairEnd(PairEndKind.Unanswered),
            StreamEndKind.SessionLost => new PairEnd(PairEndKind.TunnelLost),
            StreamEndKind.Finished when !DataWasReset() => new PairEnd(PairEndKind.Completed),
            _ => new PairEnd(PairEndKind.Reset),
        };
    }

    private bool DataWasReset() => _data.Completion.IsCompletedSuccessfully && _data.Completion.Result.Kind == StreamEndKind.ResetByPeer;

    private async Task<string> ReadMessageAsync()
    {
        var message = new ArrayBufferWriter<byte>();
        PipeReader reader = _error.Input;
        while (true)
        {
            ReadResult result = await reader.ReadAsync(CancellationToken.None).ConfigureAwait(false);
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                message.Write(segment.Span[..Math.Min(segment.Length, MaxErrorMessage - message.WrittenCount)]);
            }

            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                await reader.CompleteAsync().ConfigureAwait(false);
                return Encoding.UTF8.GetString(message.WrittenSpan).Trim();
            }
        }
    }
}
