using System.Text;
using PortForward.Testing.Applications;
using PortForward.Testing.PortForwarding.Spdy;

namespace PortForward.Testing.PortForwarding;

/// <summary>Joins the streams of one session to pairs of data and error stream, and forwards each complete pair.</summary>
internal sealed class PairForwarding(Sandbox sandbox, PortForwardOptions options, Action<string> violation, CancellationToken sessionEnded)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Pair> _pairs = new(StringComparer.Ordinal);
    private readonly List<Task> _forwards = [];

    /// <summary>Takes a new stream, unless its headers are wrong: such a stream is reset.</summary>
    public bool Accept(SpdyServerStream stream)
    {
        if (!ushort.TryParse(stream.Headers.GetValueOrDefault("port"), out var port) || port == 0)
            return Refuse(stream, "has no valid port header");
        if (stream.Headers.GetValueOrDefault("streamtype") is not ("data" or "error"))
            return Refuse(stream, "has no valid streamtype header");

        Join(stream, port);
        return true;
    }

    /// <summary>Completes when the last forward is over; after the session's end each gets its last second.</summary>
    public Task WhenOverAsync()
    {
        lock (_lock)
            return Task.WhenAll(_forwards);
    }

    private bool Refuse(SpdyServerStream stream, string why)
    {
        violation($"SYN_STREAM {stream.Id} {why}.");
        return false;
    }

    private void Join(SpdyServerStream stream, int port)
    {
        var isData = stream.Headers["streamtype"] == "data";

        // Clients without the requestid header open the error stream first: the data stream's id is then two higher.
        var requestId = stream.Headers.GetValueOrDefault("requestid") ?? (isData ? stream.Id - 2 : stream.Id).ToString();
        Pair? pair;
        bool complete, isNew, isDuplicate;
        lock (_lock)
        {
            isNew = !_pairs.TryGetValue(requestId, out pair);
            if (pair is null)
                _pairs.Add(requestId, pair = new Pair(port));
            isDuplicate = (isData ? pair.Data : pair.Error) is not null;
            if (!isDuplicate && isData)
                pair.Data = stream;
            else if (!isDuplicate)
                pair.Error = stream;
            complete = !isDuplicate && pair is { Data: not null, Error: not null };
            if (complete)
                _pairs.Remove(requestId);
        }

        if (isDuplicate)
        {
            violation($"SYN_STREAM {stream.Id} repeats the {stream.Headers["streamtype"]} stream of request {requestId}.");
            _ = PrintErrorAsync(pair, $"error processing stream for request {requestId}: stream already assigned");
        }
        else if (complete)
        {
            pair.Completed.Cancel();
            var forward = ForwardAsync(pair);
            lock (_lock)
            {
                _forwards.RemoveAll(task => task.IsCompleted);
                _forwards.Add(forward);
            }
        }
        else if (isNew)
        {
            _ = WatchAsync(pair, requestId);
        }
    }

    private async Task WatchAsync(Pair pair, string requestId)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(pair.Completed.Token, sessionEnded);
        try
        {
            await Task.Delay(options.PairTimeout, options.TimeProvider, stop.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        lock (_lock)
            _pairs.Remove(requestId);
        await PrintErrorAsync(pair, $"(request={requestId}) timed out waiting for streams");
    }

    private async Task ForwardAsync(Pair pair)
    {
        try
        {
            if (!string.Equals(pair.Data!.Headers["port"], pair.Error!.Headers["port"], StringComparison.Ordinal))
                violation($"The streams {pair.Data.Id} and {pair.Error.Id} of one pair name different ports.");
            _ = ExpectSilenceAsync(pair.Error);

            var error = await SandboxForwarder.ForwardAsync(sandbox, int.Parse(pair.Data.Headers["port"]), pair.Data, options, sessionEnded);
            if (error is not null && options.ErrorEnding is not ErrorEnding.ResetAlone)
                await PrintErrorAsync(pair, error);
            if (error is null || options.ErrorEnding is ErrorEnding.MessageThenFin)
                await pair.Error.CloseAsync();
            else
                await pair.Error.ResetAsync(SpdyResetStatus.Cancel, CancellationToken.None);
            await pair.Data.CloseAsync();
        }
        catch (Exception lost) when (lost is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The tunnel ended meanwhile: nobody is left to be told.
        }
    }

    /// <summary>A client never writes on the error stream; the real servers would stall on it.</summary>
    private async Task ExpectSilenceAsync(SpdyServerStream error)
    {
        try
        {
            if (await error.ReadAsync(sessionEnded) is not null)
                violation($"The client wrote on the error stream {error.Id}.");
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static async Task PrintErrorAsync(Pair pair, string message)
    {
        try
        {
            if (pair.Error is { } error)
                await error.WriteAsync(Encoding.UTF8.GetBytes(message), CancellationToken.None);
        }
        catch (Exception lost) when (lost is IOException or ObjectDisposedException)
        {
        }
    }

    private sealed class Pair(int port)
    {
        public int Port => port;

        public SpdyServerStream? Data { get; set; }

        public SpdyServerStream? Error { get; set; }

        public CancellationTokenSource Completed { get; } = new();
    }
}
