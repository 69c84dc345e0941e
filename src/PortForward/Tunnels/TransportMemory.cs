namespace PortForward.Tunnels;

/// <summary>Which transport has worked, so that the dialers to other pods of the same server begin with it.</summary>
public sealed class TransportMemory
{
    private volatile string? _works;
    private volatile string? _accepted;

    /// <summary>The transport that has carried bytes to a pod and back; null if none has.</summary>
    public string? Works
    {
        get => _works;
        set => _works = value;
    }

    /// <summary>The transport whose upgrade a server has accepted last; null if none has.</summary>
    public string? Accepted
    {
        get => _accepted;
        set => _accepted = value;
    }
}
