using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text;
using PortForward.Tunnels;

namespace PortForward.Tests.Support;

/// <summary>A stream pair whose pod is the test.</summary>
internal sealed class FakePair : ITunnelPair
{
    private readonly Pipe _input = new(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
    private readonly TaskCompletionSource<PairEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _reset = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _closedByClient = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _writing = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly MemoryStream _written = new();
    private readonly Lock _gate = new();
    private TaskCompletionSource? _stall;
    private int _frees;
    private bool _wasUnanswered;

    public PipeReader Input => _input.Reader;

    public Task<PairEnd> Completion => _ended.Task;

    /// <summary>Completes when the pod has taken all that was sent.</summary>
    public Task Settled => _settled.Task;

    /// <summary>Whether the pod never takes what was sent.</summary>
    public bool IsNeverTaken { get; set; }

    public async Task<bool> DrainAsync(CancellationToken cancellationToken)
    {
        await DisposeAsync();
        await (IsNeverTaken ? Task.Delay(Timeout.Infinite, cancellationToken) : _settled.Task.WaitAsync(cancellationToken));
        return !_wasUnanswered;
    }

    /// <summary>Ends the pair, as the pod does not answer it.</summary>
    public void LeaveUnanswered()
    {
        _wasUnanswered = true;
        EndData();
        End(PairEndKind.Unanswered);
        Settle();
    }

    /// <summary>How often the pairs behind it were to be ended.</summary>
    public int Frees => Volatile.Read(ref _frees);

    /// <summary>How many times it takes to end the pairs behind it.</summary>
    public int FreesNeeded { get; set; } = 1;

    public bool TryEndBlockedPairs() => Interlocked.Increment(ref _frees) >= FreesNeeded;

    /// <summary>Completes when the client was said to have closed.</summary>
    public Task ClosedByClient => _closedByClient.Task;

    public void CloseByClient()
    {
        Calls.Enqueue("close");
        _closedByClient.TrySetResult();
        _input.Reader.CancelPendingRead();
    }

    /// <summary>Completes when this side has said that it sends no more.</summary>
    public Task Finished => _finished.Task;

    /// <summary>Completes when this side has reset the pair.</summary>
    public Task WasReset => _reset.Task;

    /// <summary>Completes when this side has released the pair.</summary>
    public Task Disposed => _disposed.Task;

    /// <summary>Completes when a write has been begun.</summary>
    public Task Writing => _writing.Task;

    /// <summary>Whether the pod still takes what is written.</summary>
    public bool PodReads { get; set; } = true;

    /// <summary>What happened to the pair, in order.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    public string WrittenText
    {
        get
        {
            lock (_gate)
            {
                return Encoding.UTF8.GetString(_written.ToArray());
            }
        }
    }

    public void Deliver(string text) => Deliver(Encoding.UTF8.GetBytes(text));

    public void Deliver(byte[] bytes) => _input.Writer.WriteAsync(bytes).AsTask().IsCompletedSuccessfully.Should().BeTrue();

    public void EndData() => _input.Writer.Complete();

    public void End(PairEndKind kind, string? message = null) => _ended.TrySetResult(new PairEnd(kind, message));

    public void Settle() => _settled.TrySetResult();

    /// <summary>A graceful end of an answer.</summary>
    public void Complete()
    {
        EndData();
        End(PairEndKind.Completed);
        Settle();
    }

    /// <summary>The end of the tunnel: everything that waits is woken.</summary>
    public void Lose()
    {
        PodReads = false;
        _input.Writer.Complete();
        End(PairEndKind.TunnelLost);
        Settle();
        _stall?.TrySetResult();
    }

    /// <summary>From now on writes wait, whatever their token says, until <see cref="Lose"/> or <see cref="Resume"/>.</summary>
    public void Stall() => _stall = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Resume() => _stall!.TrySetResult();

    public async ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        Calls.Enqueue("write");
        _writing.TrySetResult();
        await (_stall?.Task ?? Task.CompletedTask);
        if (!PodReads)
        {
            return false;
        }

        lock (_gate)
        {
            _written.Write(data.Span);
        }

        return true;
    }

    public ValueTask FinishAsync(CancellationToken cancellationToken)
    {
        Calls.Enqueue("finish");
        _finished.TrySetResult();
        return ValueTask.CompletedTask;
    }

    public void Reset()
    {
        Calls.Enqueue("reset");
        if (_reset.TrySetResult())
        {
            PodReads = false;
            _input.Writer.Complete();
        }
    }

    public ValueTask DisposeAsync()
    {
        Calls.Enqueue("dispose");
        _disposed.TrySetResult();
        return ValueTask.CompletedTask;
    }
}
