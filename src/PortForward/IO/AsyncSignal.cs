namespace PortForward.IO;

/// <summary>
/// Tells everybody who waits that something has changed. A waiter takes <see cref="Next"/> before it looks at the state, so that no signal is missed.
/// Safe for use by several threads; continuations never run inside <see cref="Signal"/>.
/// </summary>
internal sealed class AsyncSignal
{
    private TaskCompletionSource _next = Create();

    /// <summary>Completes at the next signal.</summary>
    public Task Next => Volatile.Read(ref _next).Task;

    /// <summary>Completes <see cref="Next"/> and starts a new one.</summary>
    public void Signal() => Interlocked.Exchange(ref _next, Create()).SetResult();

    private static TaskCompletionSource Create() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
