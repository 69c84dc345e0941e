using System.Net;
using PortForward.Tunnels;

namespace PortForward.Cluster.Routing;

/// <summary>How the attempts to reach a pod go: since when they fail, why, and when the next one is due. Guarded by the router's gate.</summary>
/// <param name="time">The clock.</param>
/// <param name="jitter">Spreads the attempts of many programs in time: a number from 0 to 1.</param>
internal sealed class PodReach(TimeProvider time, Func<double> jitter)
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest wait between two attempts: long enough for a server that is down, short enough for a person who waits.</summary>
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(8);

    /// <summary>How long tunnels must have lasted for their end to be a first failure: a server that accepts and cuts tunnels is tried with pauses.</summary>
    private static readonly TimeSpan Proven = TimeSpan.FromSeconds(5);

    /// <summary>How many attempts have failed in a row. A tunnel that ends as soon as it is established is one of them.</summary>
    private int _failures;

    /// <summary>When a tunnel was established last after there was none, as a timestamp of the clock.</summary>
    private long _connectedAt;

    /// <summary>When to try again, as a timestamp of the clock.</summary>
    private long _retryAt;

    /// <summary>Since when connections have to wait until a tunnel is established, as a timestamp of the clock; null if they need not.</summary>
    public long? FailingSince { get; private set; }

    /// <summary>Whether connections have to wait until a tunnel is established.</summary>
    public bool IsFailing => FailingSince is not null;

    /// <summary>Whether it is the first attempt that is due, and not one after others that have failed.</summary>
    public bool IsFirst => _failures <= 1;

    /// <summary>Why the last attempt failed; null if it did not, or if the tunnels have only ended.</summary>
    public TunnelFault? Fault { get; private set; }

    /// <summary>Whether the server has refused the pod more than once in a row, so that another one is as good.</summary>
    public bool IsRefused => _failures > 1 && Fault is { Kind: TunnelFaultKind.Refused };

    /// <summary>How long to wait for the next attempt; zero if it is due, or none is needed.</summary>
    public TimeSpan UntilRetry => IsFailing && time.GetTimestamp() is var now && _retryAt > now ? time.GetElapsedTime(now, _retryAt) : TimeSpan.Zero;

    /// <summary>Whether another attempt may succeed after a failed one, so that connections wait and are not refused.</summary>
    public static bool IsPassing(TunnelFault fault) => fault.Kind switch
    {
        TunnelFaultKind.Unreachable or TunnelFaultKind.TimedOut or TunnelFaultKind.Lost or TunnelFaultKind.BadUpgrade => true,
        TunnelFaultKind.Refused => fault.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.NotFound or HttpStatusCode.TooManyRequests
            or >= HttpStatusCode.InternalServerError,
        _ => false,
    };

    /// <summary>A tunnel is established.</summary>
    public void Connected()
    {
        FailingSince = null;
        Fault = null;
        _connectedAt = time.GetTimestamp();
    }

    /// <summary>New connections go here while the target is lost: they wait for an attempt, which is made at once unless another one failed before.</summary>
    public void AwaitFirst() => FailingSince ??= time.GetTimestamp();

    /// <summary>All tunnels have ended by themselves.</summary>
    /// <param name="hasServed">Whether they have carried connections: then it is a first failure, and the next attempt is made within 50 ms.</param>
    public void LoseTunnels(bool hasServed)
    {
        _failures = hasServed ? 0 : _failures;
        BeginToFail(TimeSpan.FromMilliseconds(50 * jitter()));
    }

    /// <summary>Notes why it cannot be reached, which a probe has found out when its tunnels fell silent.</summary>
    public void Explain(TunnelFault fault) => Fault = fault;

    /// <summary>A connection could not reach it: the next attempt is made at once, unless the server asks for a wait.</summary>
    public void MarkFailing(TunnelFault fault)
    {
        BeginToFail(TimeSpan.Zero);
        Fault = fault;
        _retryAt = Math.Max(_retryAt, time.After(RetryAfter(fault)));
    }

    /// <summary>An attempt has failed: the next one comes later.</summary>
    public void Fail(TunnelFault fault)
    {
        FailingSince ??= time.GetTimestamp();
        Fault = fault;
        TimeSpan wait = Backoff(Math.Max(0, _failures++ - 1));
        _retryAt = Math.Max(time.After(wait), time.After(RetryAfter(fault)));
    }

    /// <summary>It can be reached no more. The first attempt is made soon, unless the tunnels never lasted.</summary>
    private void BeginToFail(TimeSpan soon)
    {
        if (time.GetElapsedTime(_connectedAt) >= Proven)
        {
            _failures = 0;
        }

        FailingSince = time.GetTimestamp();
        _retryAt = time.After(_failures == 0 ? soon : Backoff(_failures));
        _failures++;
    }

    private TimeSpan Backoff(int failures)
    {
        double seconds = Math.Min(LongestRetry.TotalSeconds, FirstRetry.TotalSeconds * Math.Pow(2, Math.Min(failures, 10)));
        return TimeSpan.FromSeconds(seconds * (0.8 + (0.4 * jitter())));
    }

    private static TimeSpan RetryAfter(TunnelFault fault) => fault.RetryAfter ?? TimeSpan.Zero;
}
