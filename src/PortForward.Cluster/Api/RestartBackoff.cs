namespace PortForward.Cluster.Api;

/// <summary>
/// How long to wait before restarting something that should run for ever. The wait grows up to 15 seconds, and starts anew after a run that has lasted that
/// long. A result alone does not reset it: otherwise a server that sends one event and ends the watch would be asked without pause.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="first">The wait after the first end.</param>
internal sealed class RestartBackoff(TimeProvider time, TimeSpan first)
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(15);

    private int _ends;
    private long _beganAt = time.GetTimestamp();

    /// <summary>A run begins now.</summary>
    public void Begin() => _beganAt = time.GetTimestamp();

    /// <summary>A run has ended; returns how long to wait.</summary>
    public TimeSpan End()
    {
        ForgetIfItHasLasted();
        return Wait(_ends++);
    }

    /// <summary>A run has ended with a fault that a restart repairs: the first time there is no wait.</summary>
    public TimeSpan EndWithRemedy()
    {
        ForgetIfItHasLasted();
        return _ends++ == 0 ? TimeSpan.Zero : Wait(_ends);
    }

    private void ForgetIfItHasLasted()
    {
        if (time.GetElapsedTime(_beganAt) >= Longest)
        {
            _ends = 0;
        }
    }

    private TimeSpan Wait(int ends) => ends == 0 ? first : TimeSpan.FromTicks(Math.Min(Longest.Ticks, TimeSpan.FromSeconds(0.5).Ticks << Math.Min(ends, 6)));
}
