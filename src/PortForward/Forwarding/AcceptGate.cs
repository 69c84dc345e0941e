namespace PortForward.Forwarding;

/// <summary>How many clients may be connected at a time, over all listeners of a forward. Those beyond wait in the system's queue.</summary>
internal sealed class AcceptGate : IDisposable
{
    /// <summary>A shortage that returns within this time counts as the same one and is not reported again.</summary>
    private static readonly TimeSpan SameShortage = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim? _places;
    private readonly Action<ForwardedPort> _onShortage;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private long? _lastShortage;

    /// <summary>Creates the gate.</summary>
    /// <param name="maxConnections">The most connections; null for no limit.</param>
    /// <param name="listeners">How many listeners there are: each holds a place for the client that it waits for.</param>
    /// <param name="onShortage">Called when clients have to wait, once per shortage, with a port that they wait on.</param>
    /// <param name="time">The clock.</param>
    public AcceptGate(int? maxConnections, int listeners, Action<ForwardedPort> onShortage, TimeProvider time)
    {
        _places = maxConnections is { } most ? new SemaphoreSlim((int)Math.Min((long)most + listeners - 1, int.MaxValue)) : null;
        _onShortage = onShortage;
        _time = time;
        Reserve.Refill();
    }

    /// <summary>A descriptor kept for when the process has run out of them.</summary>
    public DescriptorReserve Reserve { get; } = new();

    /// <summary>Waits until another client may be accepted on a port. <see cref="Leave"/> gives the place back.</summary>
    public async ValueTask EnterAsync(ForwardedPort port, CancellationToken stop)
    {
        if (_places is null || await _places.WaitAsync(TimeSpan.Zero, stop).ConfigureAwait(false))
        {
            return;
        }

        ReportShortage(port);
        await _places.WaitAsync(stop).ConfigureAwait(false);
    }

    /// <summary>A connection has ended.</summary>
    public void Leave() => _places?.Release();

    /// <summary>Reports that clients on a port have to wait, unless that was reported already.</summary>
    public void ReportShortage(ForwardedPort port)
    {
        lock (_gate)
        {
            bool isSame = _lastShortage is { } last && _time.GetElapsedTime(last) < SameShortage;
            _lastShortage = _time.GetTimestamp();
            if (!isSame)
            {
                _onShortage(port);
            }
        }
    }

    public void Dispose()
    {
        Reserve.Dispose();
        _places?.Dispose();
    }
}
