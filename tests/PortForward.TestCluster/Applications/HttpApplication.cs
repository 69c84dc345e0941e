using System.Net.Sockets;
using System.Text;

namespace PortForward.Testing.Applications;

/// <summary>A request as an application in a pod sees it.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Path">The path without the query.</param>
public sealed record HttpQuestion(string Method, string Path);

/// <summary>An application's answer with status 200, or with another one.</summary>
public sealed record HttpAnswer(string ContentType, ReadOnlyMemory<byte> Body, int Status = 200);

/// <summary>A small HTTP/1.1 server on one socket, with keep-alive and pipelining.</summary>
internal static class HttpApplication
{
    private const int LongestHead = 64 * 1024;

    public static async Task ServeAsync(Socket connection, Func<HttpQuestion, HttpAnswer> answer, CancellationToken stopping)
    {
        await using var stream = new NetworkStream(connection, ownsSocket: false);
        using var reader = new BufferedStream(stream, 16 * 1024);
        while (await ReadHeadAsync(reader, stopping) is { } head)
        {
            var lines = head.Split("\r\n");
            var requestLine = lines[0].Split(' ');
            if (requestLine.Length != 3)
                return;
            var headers = lines.Skip(1).Select(line => line.Split(':', 2)).Where(parts => parts.Length == 2)
                .ToLookup(parts => parts[0].Trim(), parts => parts[1].Trim(), StringComparer.OrdinalIgnoreCase);
            if (long.TryParse(headers["Content-Length"].FirstOrDefault(), out var bodyLength))
                await SkipAsync(reader, bodyLength, stopping);

            var reply = answer(new HttpQuestion(requestLine[0], requestLine[1].Split('?')[0]));
            var close = headers["Connection"].Any(value => value.Contains("close", StringComparison.OrdinalIgnoreCase));
            var replyHead = $"HTTP/1.1 {reply.Status} {(reply.Status == 200 ? "OK" : "Answer")}\r\n" +
                            $"Content-Type: {reply.ContentType}\r\nContent-Length: {reply.Body.Length}\r\nCache-Control: no-store\r\n" +
                            (close ? "Connection: close\r\n\r\n" : "\r\n");
            await TestApplications.SendAsync(connection, Encoding.ASCII.GetBytes(replyHead), stopping);
            if (requestLine[0] != "HEAD")
                await TestApplications.SendAsync(connection, reply.Body, stopping);
            if (close)
                return;
        }
    }

    private static async Task<string?> ReadHeadAsync(BufferedStream reader, CancellationToken stopping)
    {
        var head = new List<byte>(1024);
        var one = new byte[1];
        while (head.Count < LongestHead)
        {
            if (await reader.ReadAsync(one, stopping) == 0)
                return null;
            head.Add(one[0]);
            if (head.Count >= 4 && head[^4..] is [(byte)'\r', (byte)'\n', (byte)'\r', (byte)'\n'])
                return Encoding.ASCII.GetString([.. head]);
        }

        return null;
    }

    private static async Task SkipAsync(BufferedStream reader, long count, CancellationToken stopping)
    {
        var buffer = new byte[16 * 1024];
        while (count > 0)
        {
            var read = await reader.ReadAsync(buffer.AsMemory(0, (int)Math.Min(count, buffer.Length)), stopping);
            if (read == 0)
                return;
            count -= read;
        }
    }
}
