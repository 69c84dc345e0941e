namespace PortForward.Testing.PortForwarding;

/// <summary>The tunnels that are open now.</summary>
public sealed class Tunnels
{
    private readonly Lock _lock = new();
    private readonly List<Tunnel> _open = [];
    private readonly List<string> _violations = [];
    private readonly Activity _activity;

    internal Tunnels(Activity activity) => _activity = activity;

    /// <summary>The open tunnels, the oldest first.</summary>
    public IReadOnlyList<Tunnel> Open
    {
        get
        {
            lock (_lock)
                return [.. _open];
        }
    }

    /// <summary>Breaches of the protocols in all tunnels since the start. A test of a good client can assert that it is empty.</summary>
    public IReadOnlyList<string> Violations
    {
        get
        {
            lock (_lock)
                return [.. _violations, .. _open.SelectMany(tunnel => tunnel.Violations)];
        }
    }

    /// <summary>Added to each byte from the client, in tunnels opened from now on.</summary>
    public TimeSpan DelayToServer { get; set; }

    /// <summary>Added to each byte to the client, in tunnels opened from now on.</summary>
    public TimeSpan DelayToClient { get; set; }

    /// <summary>Cuts every open tunnel with a TCP reset.</summary>
    public void CutAll() => ForEach(tunnel => tunnel.Cut());

    /// <summary>Ends every open tunnel in order.</summary>
    public void CloseAll() => ForEach(tunnel => tunnel.Close());

    /// <summary>Freezes every open tunnel.</summary>
    public void FreezeAll() => ForEach(tunnel => tunnel.Freeze());

    /// <summary>Ends the freeze of every open tunnel.</summary>
    public void ThawAll() => ForEach(tunnel => tunnel.Thaw());

    internal void Add(Tunnel tunnel)
    {
        lock (_lock)
            _open.Add(tunnel);
        _activity.TunnelOpened();
    }

    internal void Remove(Tunnel tunnel)
    {
        lock (_lock)
        {
            _open.Remove(tunnel);
            _violations.AddRange(tunnel.Violations);
        }

        tunnel.End();
        _activity.TunnelClosed();
    }

    private void ForEach(Action<Tunnel> action)
    {
        foreach (var tunnel in Open)
            action(tunnel);
    }
}
