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
    private readonly TaskCompletionSource<TunnelFault> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private int _openings;

    /// <summary>A pair with the port and the initial data that it was opened with.</summary>
    public sealed record OpenedPair(FakePair Pair, int Port, string InitialData)
    {
        public IReadOnlyList<string> AvoidedPods { get; init; } = [];
    }

    public int MaxInitialData { get; init; } = 1000;

    /// <summary>Why nothing can be opened, if so.</summary>
    public TunnelFault? Fault { get; set; }

    /// <summary>Holds preparing and opening up, if there is one.</summary>
    public Task? Gate { get; set; }

    public Task Disposed => _disposed.Task;

    /// <summary>The next pair that was opened.</summary>
    public async Task<OpenedPair> NextAsync() => await _opened.Reader.ReadAsync().Soon();

    public async Task<TunnelFault?> ConnectAsync(CancellationToken cancellationToken)
    {
        await (Gate ?? Task.CompletedTask).WaitAsync(cancellationToken);
        return Fault;
    }

    /// <summary>Completes <see cref="Completion"/>.</summary>
    public void Lose(TunnelFault fault) => _lost.TrySetResult(fault);

    public Task<TunnelFault> Completion => _lost.Task;

    /// <summary>Whether another pod is there for connections that one pod has failed.</summary>
    public bool HasOtherPods { get; init; }

    /// <summary>How many pairs were asked for.</summary>
    public int Openings => Volatile.Read(ref _openings);

    /// <summary>How many pairs were opened.</summary>
    public int OpenedPairs => _pairs.Count;

    public async ValueTask<Attempt<RoutedPair>> OpenPairAsync(PairRequest request, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _openings);
        await (Gate ?? Task.CompletedTask).WaitAsync(cancellationToken);
        if (Fault is not null)
        {
            return new Attempt<RoutedPair>(Fault);
        }

        if (request.AvoidedPods is { Count: > 0 } && !HasOtherPods)
        {
            return new Attempt<RoutedPair>(new TunnelFault(TunnelFaultKind.NoOtherPod, "no other pod"));
        }

        var pair = new FakePair();
        _pairs.Enqueue(pair);
        _opened.Writer.TryWrite(new OpenedPair(pair, request.Port, Encoding.UTF8.GetString(request.InitialData.Span)) { AvoidedPods = [.. request.AvoidedPods ?? []] });
        return new Attempt<RoutedPair>(new RoutedPair(pair, $"pod-{_pairs.Count}"));
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
