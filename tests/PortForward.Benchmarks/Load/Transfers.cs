using System.Diagnostics;
using System.Text;

namespace PortForward.Benchmarks.Load;

/// <summary>Many bytes in one direction.</summary>
/// <remarks>
/// On threads of their own, which block: an asynchronous reader switched contexts up to 250,000 times a second, took the processors away from the programs that are
/// measured, and made both look alike.
/// </remarks>
internal static class Transfers
{
    private const int BufferSize = 256 * 1024;

    /// <summary>The body of one request of an upload: HTTP servers read away an unwanted body up to 256 KiB, and close beyond it.</summary>
    private const int BodySize = 128 * 1024;

    /// <summary>Downloads from the pod.</summary>
    /// <param name="port">The forward's port.</param>
    /// <param name="size">How many bytes.</param>
    /// <param name="readSize">How many of them are read at a time, at most.</param>
    /// <returns>The time from the request to the last byte.</returns>
    /// <exception cref="ForwardFailedException">There were fewer bytes, or more.</exception>
    public static Task<TimeSpan> DownloadAsync(int port, long size, int readSize = BufferSize) => OnThreadOfItsOwn(() =>
    {
        using var socket = BlockingConnection.Open(port);
        var buffer = new byte[readSize];
        var began = Stopwatch.GetTimestamp();
        socket.SendAll(Encoding.ASCII.GetBytes($"{size}\n"));
        var left = size;
        while (left > 0)
            left -= socket.ReceiveSome(buffer);
        return left == 0 ? Stopwatch.GetElapsedTime(began) : throw new ForwardFailedException("More bytes came than were asked for.");
    });

    /// <summary>Uploads to the pod, in HTTP requests one behind the other on one connection, none of which waits for an answer.</summary>
    /// <remarks>An application never sees the end of a client's data through port forwarding, so it could not say otherwise that it has it all.</remarks>
    /// <returns>The time from the first byte to the last answer, after which the application has read everything.</returns>
    public static Task<TimeSpan> UploadAsync(int port, long size) => OnThreadOfItsOwn(() =>
    {
        var head = Encoding.ASCII.GetBytes($"POST / HTTP/1.1\r\nHost: pod\r\nContent-Length: {BodySize}\r\n\r\n");
        var requests = size / BodySize;
        byte[] request = [.. head, .. new byte[BodySize]];
        using var socket = BlockingConnection.Open(port);
        var began = Stopwatch.GetTimestamp();
        var sending = OnThreadOfItsOwn(() =>
        {
            for (var sent = 0L; sent < requests; sent++)
                socket.SendAll(request);
            return requests;
        });
        CountAnswers();
        sending.GetAwaiter().GetResult();
        return Stopwatch.GetElapsedTime(began);

        void CountAnswers()
        {
            var status = "HTTP/1.1 200 "u8.ToArray();
            var buffer = new byte[BufferSize];
            var kept = 0;
            for (var answered = 0L; answered < requests;)
            {
                var length = kept + socket.ReceiveSome(buffer.AsSpan(kept));
                var rest = buffer.AsSpan(0, length);
                for (int found; (found = rest.IndexOf(status)) >= 0; rest = rest[(found + status.Length)..])
                    answered++;

                // A status line may be cut in two.
                kept = Math.Min(rest.Length, status.Length - 1);
                rest[^kept..].CopyTo(buffer);
            }
        }
    });

    private static Task<T> OnThreadOfItsOwn<T>(Func<T> work) =>
        Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
