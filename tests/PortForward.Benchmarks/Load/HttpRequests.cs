using System.Diagnostics;
using System.Text;

namespace PortForward.Benchmarks.Load;

/// <summary>HTTP requests, each on a connection of its own, which the client closes as soon as it has the whole answer.</summary>
internal static class HttpRequests
{
    private static readonly byte[] Request = Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n");

    private static readonly byte[] EndOfHead = "\r\n\r\n"u8.ToArray();

    /// <summary>Makes one request.</summary>
    /// <returns>The time from the beginning of the connection to the first byte of the answer.</returns>
    public static async Task<TimeSpan> MakeAsync(int port)
    {
        var began = Stopwatch.GetTimestamp();
        using var socket = await Connections.OpenAsync(port);
        await socket.SendAllAsync(Request);
        var buffer = new byte[2048];
        var length = await socket.ReceiveSomeAsync(buffer);
        var firstByte = Stopwatch.GetElapsedTime(began);
        while (!IsWhole(buffer.AsSpan(0, length)))
            length += await socket.ReceiveSomeAsync(buffer.AsMemory(length));
        return firstByte;
    }

    /// <summary>Lets clients make a number of requests each, one after the other.</summary>
    public static Task MakeManyAsync(int port, int clients, int requests) => Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
    {
        for (var i = 0; i < requests; i++)
            await MakeAsync(port);
    })));

    /// <summary>Lets clients make one request after the other for a while.</summary>
    /// <returns>Requests per second.</returns>
    public static async Task<double> RateAsync(int port, int clients, TimeSpan duration)
    {
        var began = Stopwatch.GetTimestamp();
        var counts = await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            var count = 0;
            for (; Stopwatch.GetElapsedTime(began) < duration; count++)
                await MakeAsync(port);
            return count;
        })));
        return counts.Sum() / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    /// <summary>Whether an answer is there with all of its body.</summary>
    private static bool IsWhole(ReadOnlySpan<byte> answer)
    {
        var head = answer.IndexOf(EndOfHead);
        if (head < 0)
            return false;

        const string Length = "Content-Length: ";
        var text = Encoding.ASCII.GetString(answer[..(head + 2)]);
        var field = text.IndexOf(Length, StringComparison.OrdinalIgnoreCase);
        if (!text.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal) || field < 0)
            throw new ForwardFailedException("The answer was not the application's.");
        var value = text.AsSpan(field + Length.Length);
        var missing = head + EndOfHead.Length + int.Parse(value[..value.IndexOf('\r')]) - answer.Length;
        return missing >= 0 ? missing == 0 : throw new ForwardFailedException("The answer was longer than it should be.");
    }
}
