using Microsoft.AspNetCore.Http;

namespace PortForward.Testing.PortForwarding;

/// <summary>The tunnels that are open now.</summary>
public sealed class Tunnels
{
    private readonly Lock _lock = new();
    private readonly List<Tunnel> _open = [];
    private readonly List<string> _violations = [];

    /// <summary>What was done to all tunnels so far, the latest last.</summary>
    private readonly List<Action<Tunnel>> _faults = [];
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

    /// <summary>Cuts every tunnel that is open or asked for with a TCP reset.</summary>
    public void CutAll() => ForEach(tunnel => tunnel.Cut());

    /// <summary>Ends every tunnel that is open or asked for in order.</summary>
    public void CloseAll() => ForEach(tunnel => tunnel.Close());

    /// <summary>Freezes every tunnel that is open or asked for.</summary>
    public void FreezeAll() => ForEach(tunnel => tunnel.Freeze());

    /// <summary>Ends the freeze of every tunnel that is open or asked for.</summary>
    public void ThawAll() => ForEach(tunnel => tunnel.Thaw());

    /// <summary>
    /// Notes when a request came: a client has its tunnel before the server has it in the list, and what befalls all tunnels in between befalls it too.
    /// </summary>
    internal void Asked(HttpContext request)
    {
        lock (_lock)
            request.Items[this] = _faults.Count;
    }

    internal void Add(Tunnel tunnel, HttpContext request)
    {
        Action<Tunnel>[] missed;
        lock (_lock)
        {
            _open.Add(tunnel);
            missed = [.. _faults.Skip((int)request.Items[this]!)];
        }

        _activity.TunnelOpened();
        foreach (var action in missed)
            action(tunnel);
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
        Tunnel[] open;
        lock (_lock)
        {
            _faults.Add(action);
            open = [.. _open];
        }

        foreach (var tunnel in open)
            action(tunnel);
    }
}
