using System.IO.Pipelines;
using PortForward.Tunnels;

namespace PortForward.Benchmarks.Micro;

/// <summary>A pod in memory: it throws away what it gets, and sends what it is told to.</summary>
internal sealed class MemoryPod : ITunnelSource, IStreamPair
{
    private readonly Pipe _output = new(
        new PipeOptions(readerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 256 * 1024, resumeWriterThreshold: 128 * 1024, useSynchronizationContext: false));
    private readonly TaskCompletionSource<PairEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _received = new();
    private long _expected;

    public int MaxInitialData => 32 * 1024;

    Task<TunnelFault> ITunnelSource.Completion { get; } = new TaskCompletionSource<TunnelFault>().Task;

    public PipeReader Input => _output.Reader;

    public Task<PairEnd> Completion => _ended.Task;

    /// <summary>Sends the same bytes so many times.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes, int times)
    {
        for (var i = 0; i < times; i++)
            await _output.Writer.WriteAsync(bytes);
    }

    /// <summary>Waits until so many bytes have come from now on.</summary>
    public Task ExpectAsync(long count)
    {
        _received = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _expected, count);
        return _received.Task;
    }

    public ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        if (Interlocked.Add(ref _expected, -data.Length) == 0)
            _received.TrySetResult();
        return ValueTask.FromResult(true);
    }

    public Task<TunnelFault?> ConnectAsync(CancellationToken cancellationToken) => Task.FromResult<TunnelFault?>(null);

    public ValueTask<Attempt<RoutedPair>> OpenPairAsync(PairRequest request, CancellationToken cancellationToken) =>
        ValueTask.FromResult(new Attempt<RoutedPair>(new RoutedPair(this, Pod: "")));

    public ValueTask FinishAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public void CloseByClient() => End();

    public void Reset() => End();

    public ValueTask DisposeAsync()
    {
        End();
        return ValueTask.CompletedTask;
    }

    private void End()
    {
        if (_ended.TrySetResult(new PairEnd(PairEndKind.Completed)))
            _output.Writer.Complete();
    }
}
