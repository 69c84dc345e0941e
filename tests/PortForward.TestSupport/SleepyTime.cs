using Microsoft.Extensions.Time.Testing;

namespace PortForward.TestSupport;

/// <summary>A clock whose system can sleep: the wall clock goes on, the steady one does not.</summary>
internal sealed class SleepyTime : FakeTimeProvider
{
    public TimeSpan Slept { get; set; }

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Slept;
}
