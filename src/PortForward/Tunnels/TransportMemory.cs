namespace PortForward.Tunnels;

/// <summary>Which transport has worked, so that the dialers to other pods of the same server begin with it.</summary>
internal sealed class TransportMemory
{
    private string? _works;
    private volatile string? _accepted;
    private int _hasPassedThrottling;

    /// <summary>The transport that has carried bytes to a pod and back; null if none has, or if it does not any more.</summary>
    public string? Works => Volatile.Read(ref _works);

    /// <summary>The transport whose upgrade a server has accepted last; null if none has.</summary>
    public string? Accepted
    {
        get => _accepted;
        set => _accepted = value;
    }

    /// <summary>Takes note of a transport that works, unless another one is known.</summary>
    internal void Remember(string transport) => Interlocked.CompareExchange(ref _works, transport, null);

    /// <summary>Takes note that a transport does not work any more; what is known of others stays.</summary>
    internal void Forget(string transport) => Interlocked.CompareExchange(ref _works, null, transport);

    /// <summary>Whether a server that asks to slow down may be asked once more over another transport: the first time only.</summary>
    internal bool MayPassThrottling() => Interlocked.Exchange(ref _hasPassedThrottling, 1) == 0;
}
