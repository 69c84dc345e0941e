using System.Collections.Concurrent;
using System.Text;
using PortForward.Tunnels;

namespace PortForward.Tests.Support;

/// <summary>A tunnel that opens fake pairs.</summary>
internal sealed class FakeTunnel : ITunnel
{
    private readonly TaskCompletionSource<TunnelEnd> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _disposals;
    private int _flowQuestions;
    private int _pings;

    public bool CanOpen { get; set; } = true;

    public bool IsConnected { get => CanOpen && field; set; } = true;

    public Task<TunnelEnd> Completion => _completion.Task;

    public int MaxInitialData => 32 * 1024;

    /// <summary>Whether it is silent with bytes on their way.</summary>
    public bool IsUnresponsive { get; set; }

    /// <summary>Whether it has not been heard for an interval.</summary>
    public bool IsSilent { get; private set; }

    public Action? OnSilence { get; set; }

    /// <summary>Makes it silent, for the whole timeout with bytes on their way or only for an interval.</summary>
    public void FallSilent(bool isUnresponsive = false)
    {
        IsSilent = true;
        IsUnresponsive |= isUnresponsive;
        OnSilence?.Invoke();
    }

    /// <summary>Ends its silence.</summary>
    public void BeHeard() => IsSilent = IsUnresponsive = false;

    public bool IsWaitingForPod { get; set; } = true;

    /// <summary>Whether nothing holds it up; a task that does not end while something does.</summary>
    public Task<bool> Flow { get; set; } = Task.FromResult(true);

    /// <summary>What becomes of a ping; a task that does not end while no pong comes.</summary>
    public Task<bool> Pong { get; set; } = Task.FromResult(true);

    /// <summary>Completes the next <see cref="Pong"/> of a script.</summary>
    public TaskCompletionSource<bool> NextPong
    {
        get;
        set
        {
            field = value;
            Pong = value.Task;
        }
    } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Takes the place of <see cref="Pong"/> where a ping does not end with its cancellation.</summary>
    public Task<bool>? IgnoredPong { get; set; }

    /// <summary>How many bytes have come out of it.</summary>
    public long BytesReceived { get; set; } = 1;

    public bool HasReceived => BytesReceived > 0;

    public Task<bool> PingAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _pings);
        return IgnoredPong ?? Pong.WaitAsync(cancellationToken);
    }

    /// <summary>How often it was pinged.</summary>
    public int Pings => Volatile.Read(ref _pings);

    /// <summary>How often it was asked whether something holds it up.</summary>
    public int FlowQuestions => Volatile.Read(ref _flowQuestions);

    public Task<bool> IsFlowingAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _flowQuestions);
        return Flow.WaitAsync(cancellationToken);
    }

    /// <summary>Ends the tunnel as a dead network does.</summary>
    public void Die()
    {
        CanOpen = false;
        foreach (FakePair pair in Pairs)
        {
            pair.Lose();
        }

        _completion.TrySetResult(TunnelEnd.Lost);
    }

    /// <summary>Ends the tunnel after its only connection.</summary>
    public void Finish()
    {
        CanOpen = false;
        _completion.TrySetResult(TunnelEnd.Finished);
    }

    /// <summary>Makes the next opening find out that the tunnel is dead, though it did not look so.</summary>
    public bool DiesOnOpen { get; set; }

    /// <summary>Whether an opening was begun.</summary>
    public volatile bool IsOpening;

    /// <summary>Holds openings up, if there is one.</summary>
    public Task? OpenGate { get; set; }

    /// <summary>What was handed to the transport: port and initial data of each pair.</summary>
    public ConcurrentQueue<(int Port, string InitialData)> Opened { get; } = new();

    public ConcurrentQueue<FakePair> Pairs { get; } = new();

    public Task Disposed => _disposed.Task;

    public int Disposals => Volatile.Read(ref _disposals);

    public async ValueTask<Attempt<ITunnelPair>> OpenPairAsync(int port, ReadOnlyMemory<byte> initialData, CancellationToken cancellationToken)
    {
        IsOpening = true;
        await (OpenGate ?? Task.CompletedTask).WaitAsync(cancellationToken);
        if (DiesOnOpen || !CanOpen)
        {
            CanOpen = false;
            return new Attempt<ITunnelPair>(new TunnelFault(TunnelFaultKind.Lost, "ended"));
        }

        Opened.Enqueue((port, Encoding.UTF8.GetString(initialData.Span)));
        var pair = new FakePair();
        Pairs.Enqueue(pair);
        return new Attempt<ITunnelPair>(pair);
    }

    public ValueTask DisposeAsync()
    {
        Interlocked.Increment(ref _disposals);
        CanOpen = false;
        foreach (FakePair pair in Pairs)
        {
            pair.Lose();
        }

        _completion.TrySetResult(TunnelEnd.Lost);
        _disposed.TrySetResult();
        return ValueTask.CompletedTask;
    }
}

/// <summary>A dialer whose results are the test's.</summary>
internal sealed class FakeDialer : ITunnelDialer
{
    public string Transport { get; init; } = "fake";

    private readonly ConcurrentQueue<TunnelFault> _faults = new();
    private int _dials;

    public ConcurrentQueue<FakeTunnel> Tunnels { get; } = new();

    public int Dials => Volatile.Read(ref _dials);

    /// <summary>Holds dials up, if there is one; they end early when cancelled.</summary>
    public Task? Gate { get; set; }

    /// <summary>Whether a dial takes no notice of its cancellation.</summary>
    public bool IgnoresCancellation { get; set; }

    /// <summary>What is done to a tunnel before it is handed out.</summary>
    public Action<FakeTunnel> Prepare { get; set; } = static _ => { };

    public void FailNext(TunnelFault fault) => _faults.Enqueue(fault);

    public async Task<Attempt<ITunnel>> DialAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _dials);
        await (Gate ?? Task.CompletedTask).WaitAsync(IgnoresCancellation ? CancellationToken.None : cancellationToken);
        if (!IgnoresCancellation)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        if (_faults.TryDequeue(out TunnelFault? fault))
        {
            return new Attempt<ITunnel>(fault);
        }

        var tunnel = new FakeTunnel();
        Prepare(tunnel);
        Tunnels.Enqueue(tunnel);
        return new Attempt<ITunnel>(tunnel);
    }
}
