using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PortForward.EndToEnd;

/// <summary>Requests at a steady rate, each on a connection of its own, and what became of them.</summary>
internal sealed class HttpLoad
{
    private const int BodySize = 2000;

    private readonly ConcurrentBag<Task<string>> _requests = [];

    /// <summary>How many requests ended how: "ok", "reset", "refused", or what was wrong with the answer.</summary>
    public IReadOnlyDictionary<string, int> Outcomes =>
        _requests.GroupBy(request => request.Result, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Count(), StringComparer.Ordinal);

    /// <summary>Sends requests until the action is over and some time after it.</summary>
    public static async Task<HttpLoad> DuringAsync(int port, Func<Task> action, int perSecond = 20)
    {
        var load = new HttpLoad();
        using var ticks = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / perSecond));
        var over = Task.Run(async () =>
        {
            await Task.Delay(TimeSpan.FromSeconds(2));
            await action();
            await Task.Delay(TimeSpan.FromSeconds(5));
        });
        while (!over.IsCompleted)
        {
            load._requests.Add(RequestAsync(port));
            await ticks.WaitForNextTickAsync();
        }

        await over;
        await Task.WhenAll(load._requests);
        return load;
    }

    /// <summary>One request; if asked for, the client's half ends with it, before the answer.</summary>
    public static async Task<string> RequestAsync(int port, int size = BodySize, bool halfClose = false)
    {
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port);
            await client.SendAsync(Encoding.ASCII.GetBytes($"GET /size/{size} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
            if (halfClose)
            {
                client.Shutdown(SocketShutdown.Send);
            }

            byte[] buffer = new byte[64 * 1024];
            var head = new StringBuilder();
            long body = -1;
            while (await client.ReceiveAsync(buffer).WaitAsync(TimeSpan.FromMinutes(1)) is > 0 and int read)
            {
                if (body >= 0)
                {
                    body += read;
                    continue;
                }

                head.Append(Encoding.Latin1.GetString(buffer, 0, read));
                int end = head.ToString().IndexOf("\r\n\r\n", StringComparison.Ordinal);
                body = end < 0 ? -1 : head.Length - end - 4;
            }

            return head.Length == 0 ? "empty"
                : !head.ToString().StartsWith("HTTP/1.1 200", StringComparison.Ordinal) ? "no answer"
                : body == size ? "ok"
                : $"{body} of {size} bytes that look whole";
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.ConnectionRefused ? "refused" : "reset";
        }
        catch (TimeoutException)
        {
            return "hang";
        }
    }
}
