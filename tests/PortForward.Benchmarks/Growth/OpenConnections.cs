using System.Diagnostics;
using System.Net.Sockets;
using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Growth;

/// <summary>Connections that are open at the same time, first without a word, then all talking at once.</summary>
internal sealed class OpenConnections : GrowthTable
{
    private const int MessageSize = 4 * 1024;

    /// <summary>How many are opened at once: so many that it does not take long, so few that it is no flood.</summary>
    private const int OpenedAtOnce = 20;

    private const int WarmUp = 100;

    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan BusyTime = TimeSpan.FromSeconds(4);

    public override string Id => "connections";

    public override string Title => "Open connections";

    public override string StepHead => "connections";

    public override IReadOnlyList<string> Heads =>
        ["all open after, s", "idle, MiB", "KiB per idle connection", "processor while idle, %", "busy, MiB", "KiB per busy connection", "4 KiB messages there and back, per second"];

    public override IReadOnlyList<int> Steps => [1, 10, 100, 1000];

    public override async Task<IReadOnlyList<double>> MeasureAsync(Subject subject, int step)
    {
        await using var forward = await subject.StartSettledAsync(PodPorts.Echo);

        // What the first connection costs a program once and for all is not a connection's.
        await Echo.RoundTripsAsync(forward.Port, WarmUp);
        await Task.Delay(IdleTime);
        var without = forward.Memory;
        var sockets = new Socket[step];
        try
        {
            var began = Stopwatch.GetTimestamp();
            await Parallel.ForAsync(0, step, new ParallelOptions { MaxDegreeOfParallelism = OpenedAtOnce }, async (index, _) =>
            {
                sockets[index] = await Connections.OpenAsync(forward.Port);
                await ExchangeAsync(sockets[index], new byte[1]);
            });
            var opened = Stopwatch.GetElapsedTime(began);

            await Task.Delay(IdleTime);
            var before = forward.ProcessorTime;
            await Task.Delay(IdleTime);
            var idleProcessor = (forward.ProcessorTime - before) / IdleTime * 100;
            var idle = forward.Memory;

            var messages = await Task.WhenAll(sockets.Select(socket => Task.Run(() => TalkAsync(socket))));
            var busy = forward.Memory;
            return
            [
                opened.TotalSeconds, MiB(idle), (idle - without) / 1024.0 / step, idleProcessor,
                MiB(busy), (busy - without) / 1024.0 / step, messages.Sum() / BusyTime.TotalSeconds,
            ];
        }
        finally
        {
            foreach (var socket in sockets)
                socket?.Dispose();
        }
    }

    private static async Task<long> TalkAsync(Socket socket)
    {
        var message = new byte[MessageSize];
        var began = Stopwatch.GetTimestamp();
        var count = 0L;
        for (; Stopwatch.GetElapsedTime(began) < BusyTime; count++)
            await ExchangeAsync(socket, message);
        return count;
    }

    private static async Task ExchangeAsync(Socket socket, byte[] message)
    {
        await socket.SendAllAsync(message);
        for (var length = 0; length < message.Length;)
            length += await socket.ReceiveSomeAsync(message.AsMemory(length));
    }
}
