using PortForward.Cluster.Routing;
using PortForward.Forwarding;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Cluster;

/// <summary>How a <see cref="Forward"/> listens, follows its target and treats its connections: all that the command line can say.</summary>
public sealed record ForwardOptions
{
    /// <summary>What the forward is called; the target's own name if null.</summary>
    public string? Name { get; init; }

    /// <summary>The namespace of the target; the client's if null.</summary>
    public string? Namespace { get; init; }

    /// <summary>Where to listen: IP addresses, and <c>localhost</c>, which is 127.0.0.1 and ::1 and enough with one of them. That is the default.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = ["localhost"];

    /// <summary>
    /// Whether a port that cannot be listened on is a failure of the start, which is the default. So is one that another program has on one of its addresses,
    /// since clients may reach that program. If not, one port that can be listened on is enough.
    /// </summary>
    public bool RequireAllPorts { get; init; } = true;

    /// <summary>How long to wait until the target has a running pod; one minute by default.</summary>
    public TimeSpan PodRunningTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Whether connections are spread over all ready pods of the target, the least busy first. If not, which is the default, they go to one pod.</summary>
    public bool Balance { get; init; }

    /// <summary>Whether a lost pod is replaced, which is the default. If not, the first loss ends the forward.</summary>
    public bool Reconnect { get; init; } = true;

    /// <summary>How long a new connection waits while there is no pod, before it is reset; 30 s by default.</summary>
    public TimeSpan HoldTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long the target may be lost before the forward ends. Null, the default, is 5 minutes once it is known to be gone for good, and no limit while it may come
    /// back by itself.
    /// </summary>
    public TimeSpan? ReconnectTimeout { get; init; }

    /// <summary>
    /// How long the pod must be silent before a client's end of sending is passed on, since runtimes cut the answer one second after it; 5 s by default.
    /// </summary>
    public TimeSpan HalfCloseTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long open connections may go on after <see cref="Forward.StopAsync"/>; zero by default, which resets them at once.
    /// <see cref="Timeout.InfiniteTimeSpan"/> waits for all of them.
    /// </summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.Zero;

    /// <summary>How long a tunnel may be silent before it counts as dead; the client's if null.</summary>
    public TimeSpan? LivenessTimeout { get; init; }

    /// <summary>How many clients may be connected at a time; those beyond wait to be accepted. No limit by default.</summary>
    public int? MaxConnections { get; init; }

    /// <summary>
    /// Called with every event from the start on, one at a time and in order. It must return soon, since the forward's connections wait for it, and it must not wait
    /// for the forward itself. What it throws is logged.
    /// </summary>
    public Action<ForwardEvent>? OnEvent { get; init; }

    /// <summary>
    /// Called once the target is known, and before anything is opened for its connections: a program that owns its process divides then what file descriptors there are.
    /// Of what it returns only the limits count.
    /// </summary>
    internal Func<ForwardOptions, ForwardOptions>? WithinLimits { get; init; }

    /// <summary>How many idle tunnels are opened in advance.</summary>
    internal int MinimumIdle { get; init; } = new TunnelPoolOptions().MinimumIdle;

    /// <summary>Checks what no type can.</summary>
    /// <exception cref="ArgumentException">A time-out or a limit makes no sense; the message says which, in one sentence.</exception>
    internal static void Check(ForwardOptions options)
    {
        string? wrong =
            TimeoutRange.WhyWrong(options.PodRunningTimeout, nameof(PodRunningTimeout), isZeroAllowed: false)
            ?? TimeoutRange.WhyWrong(options.HoldTimeout, nameof(HoldTimeout))
            ?? TimeoutRange.WhyWrong(options.ReconnectTimeout, nameof(ReconnectTimeout))
            ?? TimeoutRange.WhyWrong(options.HalfCloseTimeout, nameof(HalfCloseTimeout))
            ?? (options.DrainTimeout == Timeout.InfiniteTimeSpan ? null : TimeoutRange.WhyWrong(options.DrainTimeout, nameof(DrainTimeout)))
            ?? TimeoutRange.WhyWrong(options.LivenessTimeout, nameof(LivenessTimeout), isZeroAllowed: false)
            ?? (options.MaxConnections < 1 ? "MaxConnections must be at least 1." : null);
        if (wrong is not null)
        {
            throw new ArgumentException(wrong, nameof(options));
        }
    }

    /// <summary>What concerns the router.</summary>
    /// <param name="livenessTimeout">How long a tunnel may be silent.</param>
    /// <param name="tunnels">How many tunnels there may be over all targets.</param>
    /// <param name="unusedTime">How long after its last use an idle tunnel is kept.</param>
    /// <param name="time">The clock.</param>
    /// <param name="onEvent">Takes the events.</param>
    internal PodRouterOptions Routing(TimeSpan livenessTimeout, TunnelBudget tunnels, TimeSpan unusedTime, TimeProvider time, Action<ForwardEvent> onEvent)
    {
        var defaults = new PodRouterOptions();
        return defaults with
        {
            Reconnect = Reconnect,
            Balance = Balance,
            HoldTimeout = HoldTimeout,
            ReconnectTimeout = ReconnectTimeout,
            Tunnels = defaults.Tunnels with
            {
                MaxTunnels = tunnels.Most,
                Budget = tunnels,
                MinimumIdle = MinimumIdle,
                UnusedTime = unusedTime,
                ProbeInterval = livenessTimeout / TunnelDialOptions.PingsPerTimeout,
            },
            OnEvent = onEvent,
            Time = time,
        };
    }

    /// <summary>What concerns the listeners and the connections.</summary>
    internal PortForwarderOptions Forwarding(TimeProvider time, Action<ForwardEvent> onEvent) => new()
    {
        HalfCloseTimeout = HalfCloseTimeout,
        DrainTimeout = DrainTimeout,
        MaxConnections = MaxConnections,
        RequireAllPorts = RequireAllPorts,
        OnEvent = onEvent,
        Time = time,
    };
}
