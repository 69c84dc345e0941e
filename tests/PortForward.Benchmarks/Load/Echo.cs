using System.Diagnostics;

namespace PortForward.Benchmarks.Load;

/// <summary>Round trips on a connection that is open.</summary>
internal static class Echo
{
    private const int MessageSize = 64;

    /// <summary>Sends messages, each after the answer to the one before.</summary>
    /// <returns>How long each took.</returns>
    public static async Task<TimeSpan[]> RoundTripsAsync(int port, int count)
    {
        using var socket = await Connections.OpenAsync(port);

        // On a thread of its own which blocks: no scheduler stands between the socket and the clock.
        return await Task.Factory.StartNew(
            () =>
            {
                var message = new byte[MessageSize];
                var times = new TimeSpan[count];
                for (var i = 0; i < count; i++)
                {
                    var began = Stopwatch.GetTimestamp();
                    socket.Send(message);
                    for (var left = MessageSize; left > 0;)
                    {
                        var received = socket.Receive(message, 0, left, System.Net.Sockets.SocketFlags.None);
                        left -= received > 0 ? received : throw new ForwardFailedException("The connection ended before its answer did.");
                    }

                    times[i] = Stopwatch.GetElapsedTime(began);
                }

                return times;
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }
}
