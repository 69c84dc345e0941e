using Microsoft.Extensions.Logging;

namespace PortForward.Tunnels.Pool;

internal sealed partial class TunnelPool
{
    [LoggerMessage(Level = LogLevel.Debug, Message = "Tunnel dialled in {Milliseconds:0.0} ms")]
    private partial void LogDialled(double milliseconds);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Dialling a tunnel failed: {Reason}")]
    private partial void LogDialFailed(string reason);

    private void LogNotReturned(DrainOutcome outcome)
    {
        if (outcome == DrainOutcome.Unanswered)
        {
            LogUnanswered();
        }
        else
        {
            LogNotDrained(_options.DrainTimeout.TotalSeconds);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The pod did not end its half of a connection, or take all of its bytes, within {Seconds} s; its tunnel is dropped")]
    private partial void LogNotDrained(double seconds);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The pod did not answer a connection; its tunnel gets no other one")]
    private partial void LogUnanswered();

    [LoggerMessage(Level = LogLevel.Debug, Message = "A tunnel has ended; {Alive} others are known to live")]
    private partial void LogLost(int alive);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Count} silent tunnels are dropped: {Reason}")]
    private partial void LogUnresponsiveDropped(int count, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "All of {MaxTunnels} tunnels are blocked; connections wait")]
    private partial void LogSaturated(int maxTunnels);
}
