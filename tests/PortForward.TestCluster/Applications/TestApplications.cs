using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PortForward.Testing.Applications;

/// <summary>Ready-made applications for pods. Each serves one connection on a real socket.</summary>
public static class TestApplications
{
    /// <summary>The block that <see cref="Source"/> repeats: byte i is <c>(byte)(i * 7)</c>, 128 KiB long.</summary>
    public static ReadOnlyMemory<byte> SourceBlock { get; } = Enumerable.Range(0, 128 * 1024).Select(i => (byte)(i * 7)).ToArray();

    /// <summary>Sends back what it gets; after the client's EOF it ends its own direction.</summary>
    public static async Task Echo(Socket connection, CancellationToken stopping)
    {
        var buffer = new byte[64 * 1024];
        while (await connection.ReceiveAsync(buffer, stopping) is var read and > 0)
            await SendAsync(connection, buffer.AsMemory(0, read), stopping);
        connection.Shutdown(SocketShutdown.Send);
    }

    /// <summary>Reads a line with a number N, sends N bytes made of <see cref="SourceBlock"/>, closes.</summary>
    public static async Task Source(Socket connection, CancellationToken stopping)
    {
        var buffer = new byte[64];
        var read = await connection.ReceiveAsync(buffer, stopping);
        if (!long.TryParse(Encoding.ASCII.GetString(buffer, 0, read).Trim(), CultureInfo.InvariantCulture, out var left))
            return;
        while (left > 0)
        {
            var count = (int)Math.Min(left, SourceBlock.Length);
            await SendAsync(connection, SourceBlock[..count], stopping);
            left -= count;
        }
    }

    /// <summary>Counts what it gets; after the client's EOF it answers with the count and a line feed.</summary>
    public static async Task Sink(Socket connection, CancellationToken stopping)
    {
        var count = 0L;
        var buffer = new byte[64 * 1024];
        while (await connection.ReceiveAsync(buffer, stopping) is var read and > 0)
            count += read;
        await SendAsync(connection, Encoding.ASCII.GetBytes($"{count}\n"), stopping);
    }

    /// <summary>Accepts and never reads, so the client's bytes pile up in every buffer on the way.</summary>
    public static Task NeverReads(Socket _, CancellationToken stopping) => Task.Delay(Timeout.InfiniteTimeSpan, stopping);

    /// <summary>Says something before the client does, and closes.</summary>
    public static ApplicationHandler SpeaksFirst(string text) =>
        async (connection, stopping) => await SendAsync(connection, Encoding.UTF8.GetBytes(text), stopping);

    /// <summary>Waits for a byte, then resets the connection.</summary>
    public static async Task Resets(Socket connection, CancellationToken stopping)
    {
        await connection.ReceiveAsync(new byte[1], stopping);
        connection.LingerState = new LingerOption(enable: true, seconds: 0);
    }

    /// <summary>Answers with a text a given time after the client's EOF, and closes.</summary>
    public static ApplicationHandler AnswersAfterEof(string text, TimeSpan delay, TimeProvider? time = null) => async (connection, stopping) =>
    {
        var buffer = new byte[64 * 1024];
        while (await connection.ReceiveAsync(buffer, stopping) > 0)
        {
        }

        await Task.Delay(delay, time ?? TimeProvider.System, stopping);
        await SendAsync(connection, Encoding.UTF8.GetBytes(text), stopping);
    };

    /// <summary>Answers with a text a given time after the client's initial data, and closes.</summary>
    public static ApplicationHandler AnswersAfterFirstByte(string text, TimeSpan delay, TimeProvider? time = null) => async (connection, stopping) =>
    {
        await connection.ReceiveAsync(new byte[64 * 1024], stopping);
        await Task.Delay(delay, time ?? TimeProvider.System, stopping);
        await SendAsync(connection, Encoding.UTF8.GetBytes(text), stopping);
    };

    /// <summary>
    /// HTTP/1.1 with keep-alive: <c>/</c> answers <c>host NAME path PATH</c>, <c>/size/N</c> answers N bytes. Request bodies are read and dropped.
    /// </summary>
    public static ApplicationHandler Http(string podName) => Http(question => AnswerProbe(podName, question));

    /// <summary>HTTP/1.1 with keep-alive, each request answered by the given function.</summary>
    public static ApplicationHandler Http(Func<HttpQuestion, HttpAnswer> answer) =>
        (connection, stopping) => HttpApplication.ServeAsync(connection, answer, stopping);

    /// <summary>
    /// A little of Redis: the commands PING, SET, GET and INCR, each a line. What was set is kept in the handler: pods that are given the same one share it.
    /// </summary>
    public static ApplicationHandler KeyValue()
    {
        var values = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        return async (connection, stopping) =>
        {
            await using var stream = new NetworkStream(connection, ownsSocket: false);
            using var reader = new StreamReader(stream, Encoding.UTF8);
            while (await reader.ReadLineAsync(stopping) is { } line)
            {
                var reply = line.Split(' ') switch
                {
                    ["PING"] => "+PONG",
                    ["SET", var key, var value] => Set(key, value),
                    ["GET", var key] => values.TryGetValue(key, out var value) ? $"${Encoding.UTF8.GetByteCount(value)}\r\n{value}" : "$-1",
                    ["INCR", var key] => $":{values.AddOrUpdate(key, "1", (_, old) => $"{int.Parse(old, CultureInfo.InvariantCulture) + 1}")}",
                    _ => "-ERR unknown command",
                };
                await SendAsync(connection, Encoding.UTF8.GetBytes($"{reply}\r\n"), stopping);
            }
        };

        string Set(string key, string value)
        {
            values[key] = value;
            return "+OK";
        }
    }

    /// <summary>A real server: each connection leads on to a TCP address. Bytes are passed on, and ends and resets as what they are.</summary>
    public static ApplicationHandler Relay(EndPoint server) => async (connection, stopping) =>
    {
        using var onward = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await onward.ConnectAsync(server, stopping);
        await Task.WhenAll(LeadAsync(connection, onward, stopping), LeadAsync(onward, connection, stopping));
    };

    internal static HttpAnswer AnswerProbe(string podName, HttpQuestion question)
    {
        const string Size = "/size/";
        if (question.Path.StartsWith(Size, StringComparison.Ordinal) && int.TryParse(question.Path[Size.Length..], out var size) && size >= 0)
            return new HttpAnswer("application/octet-stream", new byte[size]);
        return new HttpAnswer("text/plain; charset=utf-8", Encoding.UTF8.GetBytes($"host {podName} path {question.Path}\n"));
    }

    private static async Task LeadAsync(Socket from, Socket to, CancellationToken stopping)
    {
        try
        {
            var buffer = new byte[64 * 1024];
            while (await from.ReceiveAsync(buffer, stopping) is var read and > 0)
                await SendAsync(to, buffer.AsMemory(0, read), stopping);
            to.Shutdown(SocketShutdown.Send);
        }
        catch
        {
            // Whichever of them has failed, both directions are over.
            foreach (var socket in (Socket[])[from, to])
                socket.Close(timeout: 0);
            throw;
        }
    }

    internal static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await socket.SendAsync(bytes, cancellationToken)..];
    }
}
