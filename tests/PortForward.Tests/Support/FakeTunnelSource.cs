using System.Collections.Concurrent;
using System.Text;
using System.Threading.Channels;
using PortForward.Tunnels;

namespace PortForward.Tests.Support;

/// <summary>A source of stream pairs whose pod is the test.</summary>
internal sealed class FakeTunnelSource : ITunnelSource
{
    private readonly Channel<OpenedPair> _opened = Channel.CreateUnbounded<OpenedPair>();
    private readonly ConcurrentQueue<FakePair> _pairs = new();
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>A pair with the port and the first bytes that it was opened with.</summary>
    public sealed record OpenedPair(FakePair Pair, int Port, string FirstBytes);

    public int MaxFirstBytes { get; init; } = 1000;

    /// <summary>Why nothing can be opened, if so.</summary>
    public TunnelFault? Fault { get; set; }

    /// <summary>Holds preparing and opening up, if there is one.</summary>
    public Task? Gate { get; set; }

    public Task Disposed => _disposed.Task;

    /// <summary>The next pair that was opened.</summary>
    public async Task<OpenedPair> NextAsync() => await _opened.Reader.ReadAsync().Soon();

    public async Task<TunnelFault?> PrepareAsync(CancellationToken cancellationToken)
    {
        await (Gate ?? Task.CompletedTask).WaitAsync(cancellationToken);
        return Fault;
    }

    public async ValueTask<OpenPairResult> OpenPairAsync(int port, ReadOnlyMemory<byte> firstBytes, CancellationToken cancellationToken)
    {
        await (Gate ?? Task.CompletedTask).WaitAsync(cancellationToken);
        if (Fault is not null)
        {
            return new OpenPairResult(Fault);
        }

        var pair = new FakePair();
        _pairs.Enqueue(pair);
        _opened.Writer.TryWrite(new OpenedPair(pair, port, Encoding.UTF8.GetString(firstBytes.Span)));
        return new OpenPairResult(pair);
    }

    public ValueTask DisposeAsync()
    {
        foreach (FakePair pair in _pairs)
        {
            pair.Lose();
        }

        _disposed.TrySetResult();
        return ValueTask.CompletedTask;
    }
}
