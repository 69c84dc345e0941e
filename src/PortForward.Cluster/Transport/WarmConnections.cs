using System.Net;

namespace PortForward.Cluster.Transport;

/// <summary>
/// Keeps a few TLS connections to a server open that have carried nothing yet, so that whoever needs one saves two round trips of three (TCP and TLS). All forwards to
/// one API server share them; who connects does not know of them.
/// </summary>
/// <remarks>
/// They wait for the server to end them, so that one that has ended is never given out. Where its end did not arrive, as when a router in between has forgotten
/// them, the first request finds out. The HTTP handler then sends it again through another connection, which is a new one: all that were ready are dropped.
/// </remarks>
internal sealed class WarmConnections : IDisposable
{
    private readonly ServerDialer _dialer;
    private readonly Uri _server;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationToken _stopped;
    private readonly ITimer _timer;

    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();
    private readonly WarmPolicy _policy;

    /// <summary>Those that nobody uses, the oldest first.</summary>
    private readonly List<WarmConnection> _ready = [];
    private int _dialling;
    private bool _isDisposed;

    /// <summary>Opens nothing yet.</summary>
    /// <param name="dialer">Opens the connections.</param>
    /// <param name="server">The server; one with TLS.</param>
    /// <param name="size">How many are kept ready; 0 for none.</param>
    public WarmConnections(ServerDialer dialer, Uri server, int size)
    {
        _dialer = dialer;
        _server = server;
        _time = dialer.Time;
        _policy = new WarmPolicy(size);
        _stopped = _stopping.Token;
        _timer = _time.CreateTimer(static self => ((WarmConnections)self!).Review(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How many are ready.</summary>
    internal int ReadyCount
    {
        get
        {
            lock (_gate)
            {
                return _ready.Count;
            }
        }
    }

    /// <summary>Whether some are being opened.</summary>
    internal bool IsDialling
    {
        get
        {
            lock (_gate)
            {
                return _dialling > 0;
            }
        }
    }

    /// <summary>Begins to keep connections ready.</summary>
    public void Begin()
    {
        lock (_gate)
        {
            _policy.Begin(_time.GetUtcNow());
            Balance();
        }
    }

    /// <summary>
    /// Gives out a connection that is ready, or opens one; the connect callback of the HTTP handler. They are for upgrades: somebody waits for those, each needs a
    /// connection of its own, and without a body it can be sent again. A watch that begins anew in a forward that rests must not keep others open.
    /// </summary>
    /// <exception cref="ClusterException">It failed; the message is kubectl's.</exception>
    public ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken) =>
        context.InitialRequestMessage.Headers.Contains("Upgrade") && IsServer(context.DnsEndPoint) && Take() is { } ready
            ? ValueTask.FromResult<Stream>(ready)
            : _dialer.ConnectAsync(context, cancellationToken);

    /// <summary>Closes those that nobody uses; the others are their users' own.</summary>
    public void Dispose()
    {
        List<WarmConnection> unused;
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            unused = [.. _ready];
            _ready.Clear();
        }

        _stopping.Cancel();
        _stopping.Dispose();
        _timer.Dispose();
        unused.ForEach(static connection => connection.Dispose());
    }

    /// <summary>Takes the oldest one that is alive; null if there is none.</summary>
    private WarmConnection? Take()
    {
        lock (_gate)
        {
            DateTimeOffset now = _time.GetUtcNow();
            _policy.Use(now);
            WarmConnection? alive = _ready.Find(connection => !connection.HasEnded && !WarmPolicy.IsOver(connection.Opened, now));
            if (alive is not null)
            {
                _ready.Remove(alive);
            }

            Balance();
            return alive;
        }
    }

    /// <summary>One of them has answered.</summary>
    internal void Succeed()
    {
        lock (_gate)
        {
            _policy.Succeed();
        }
    }

    /// <summary>One of them was dead when it was used, and the others are no better.</summary>
    internal void DropAll()
    {
        lock (_gate)
        {
            _ready.ForEach(static connection => connection.Dispose());
            _ready.Clear();
            _policy.Fail(_time.GetUtcNow());
            Balance();
        }
    }

    private bool IsServer(DnsEndPoint address) =>
        address.Port == _server.Port && string.Equals(address.Host, _server.IdnHost, StringComparison.OrdinalIgnoreCase);

    private void Review()
    {
        lock (_gate)
        {
            Balance();
        }
    }

    /// <summary>Drops what is too old and begins the dials that are due. Called with the gate held.</summary>
    private void Balance()
    {
        if (_isDisposed)
        {
            return;
        }

        DateTimeOffset now = _time.GetUtcNow();
        foreach (WarmConnection old in _ready.FindAll(connection => WarmPolicy.IsOver(connection.Opened, now)))
        {
            _ready.Remove(old);
            old.Dispose();
        }

        (int dials, TimeSpan? next) = _policy.Plan(now, [.. _ready.Select(static connection => connection.Opened)], _dialling);
        _dialling += dials;
        for (; dials > 0; dials--)
        {
            _ = DialAsync();
        }

        _timer.Change(next ?? Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    private async Task DialAsync()
    {
        // The caller holds the gate.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        DateTimeOffset began = _time.GetUtcNow();
        WarmConnection? opened = null;
        try
        {
            opened = new WarmConnection(await _dialer.ConnectTlsAsync(_server, _stopped).ConfigureAwait(false), began, this);
        }
        catch (Exception e) when (e is ClusterException or IOException or OperationCanceledException)
        {
            // Whoever needs a connection meets with the same and reports it.
        }
        finally
        {
            EndDial(opened);
        }

        if (opened is not null)
        {
            await opened.Completion.ConfigureAwait(false);
            Remove(opened);
        }
    }

    /// <summary>Adds what a dial has brought, and drops the one that it replaces; or takes note that it has failed.</summary>
    private void EndDial(WarmConnection? opened)
    {
        lock (_gate)
        {
            _dialling--;
            if (_isDisposed)
            {
                opened?.Dispose();
                return;
            }

            if (opened is null)
            {
                _policy.Fail(_time.GetUtcNow());
            }
            else
            {
                _ready.Add(opened);
            }

            if (_ready.Count > _policy.Size)
            {
                _ready[0].Dispose();
                _ready.RemoveAt(0);
            }

            Balance();
        }
    }

    /// <summary>Removes one that has ended, unless it was taken or dropped before.</summary>
    private void Remove(WarmConnection ended)
    {
        lock (_gate)
        {
            if (!_ready.Remove(ended))
            {
                return;
            }

            ended.Dispose();
            _policy.End(ended.Opened, _time.GetUtcNow());
            Balance();
        }
    }
}
