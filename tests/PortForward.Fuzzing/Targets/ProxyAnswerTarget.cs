using System.Net;
using PortForward.Cluster.Transport;
using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Support;

namespace PortForward.Fuzzing.Targets;

/// <summary>What a proxy answers, HTTP and SOCKS 5: nothing beyond it is read, since that is the server's, and its password is not repeated.</summary>
internal sealed class ProxyAnswerTarget : FuzzTarget
{
    private const string Password = "pr0xy-s3cr3t";

    private static readonly DnsEndPoint Server = new("cluster.test", 6443);

    public override int Mutations => 1000;

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. Words("HTTP/1.1 200 Connection established\r\n", "HTTP/1.1 407 Proxy Authentication Required\r\n", "HTTP/1.0 503 no\r\n", "\r\n\r\n", "\r\n", "Content-Length: 3\r\n", "HTTP/1.1 ", " 200 "),
        .. new[] { "0500", "0502 0100", "0502 0101", "05ff", "05000001 00000000 0000", "05000003 00 0000", "05000003 ff", "05000004", "05010001", "05090001" }.Select(InputFile.Parse),
    ];

    public override async Task RunAsync(FuzzInput input)
    {
        foreach (string user in (string[])["", $"jane:{Password}@"])
        {
            using var http = new ScriptedStream(input.Bytes, input.NewRandom());
            if (await TryAsync(() => ProxyHandshake.ConnectAsync(http, Proxy("http", user), Server, CancellationToken.None)))
            {
                int end = input.Bytes.AsSpan().IndexOf("\r\n\r\n"u8) + 4;
                Require.Same(end, http.BytesRead, "an answer is read up to its end and no further");
            }

            Require.That(http.BytesRead <= 16 * 1024, "an answer is bounded", $"{http.BytesRead} bytes");
            using var socks = new ScriptedStream(input.Bytes, input.NewRandom());
            await TryAsync(() => ProxyHandshake.Socks5Async(socks, Proxy("socks5", user), Server, CancellationToken.None));
        }
    }

    private static ProxyAddress Proxy(string scheme, string user) => ProxyAddress.Parse($"{scheme}://{user}proxy.test:1", "HTTPS_PROXY");

    /// <summary>Whether the proxy has connected.</summary>
    private static async Task<bool> TryAsync(Func<Task> handshake)
    {
        try
        {
            await handshake();
            return true;
        }
        catch (IOException e)
        {
            Require.Line(e.Message);
            Require.Hidden(Password, e.ToString());
            return false;
        }
    }
}
