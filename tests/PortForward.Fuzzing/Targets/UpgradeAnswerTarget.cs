using System.Text;
using PortForward.Cluster.Api;
using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Support;
using PortForward.IO;
using PortForward.Tunnels;

namespace PortForward.Fuzzing.Targets;

/// <summary>
/// The answer to an upgrade, from its first line on, and what follows on the connection. Lines may end without a carriage return, and
/// <c>{accept}</c> and <c>{protocol}</c> stand for what the request wants to see.
/// </summary>
internal sealed class UpgradeAnswerTarget : FuzzTarget
{
    private static readonly Uri Pod = new("http://cluster.test/api/v1/namespaces/default/pods/web/portforward");

    public override int Mutations => 500;

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. Words(
            "HTTP/1.1 101 Switching Protocols\n", "HTTP/1.1 200 OK\n", "HTTP/1.1 403 Forbidden\n", "HTTP/1.1 429 \n", "HTTP/1.1 100 Continue\n\n", "HTTP/1.0 101\n",
            "Upgrade: websocket\n", "Upgrade: SPDY/3.1\n", "Connection: Upgrade\n", "Connection: close\n", "Sec-WebSocket-Accept: {accept}\n", "Sec-WebSocket-Protocol: {protocol}\n",
            "X-Stream-Protocol-Version: portforward.k8s.io\n", "Content-Length: 5\n", "Content-Length: -1\n", "Content-Length: 99999999999999999999\n", "Transfer-Encoding: chunked\n",
            "Retry-After: 5\n", "Content-Type: application/json\n", "\n", "ffffffff\n", "0\n\n", "{\"kind\":\"Status\",\"message\":\"no\",\"code\":404}"),
        .. SpdyFrames.All,
    ];

    public override async Task RunAsync(FuzzInput input)
    {
        Random random = input.NewRandom();
        var options = new TunnelDialOptions { Time = new VirtualTime() };
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = (_, _) => ValueTask.FromResult<Stream>(new AnsweringStream(input.Bytes, new Random(random.Next()))),
        };
        using var invoker = new HttpMessageInvoker(handler);
        ITunnelDialer[] dialers =
        [
            new WebSocketTunnelDialer(invoker, Pod, options),
            new SpdyUpgradeDialer(invoker, Pod, options),
            new ChannelTunnelDialer(invoker, Pod, options),
        ];
        foreach (ITunnelDialer dialer in dialers)
        {
            Attempt<ITunnel> dial = await dialer.DialAsync(CancellationToken.None);
            if (!dial.Succeeded(out ITunnel? tunnel, out TunnelFault? fault))
            {
                Check(fault);
                continue;
            }

            await using (tunnel)
            {
                Attempt<ITunnelPair> opened = await tunnel.OpenPairAsync(80, default, CancellationToken.None);
                if (opened.Value is { } pair)
                {
                    await pair.Input.ReadToEndAsync();
                    await pair.Completion;
                    await pair.DisposeAsync();
                }
                else
                {
                    Check(opened.Fault!);
                }
            }
        }
    }

    private static void Check(TunnelFault fault)
    {
        Require.Line(fault.Message);
        Require.That(fault.RetryAfter is null || fault.RetryAfter >= TimeSpan.Zero, "a wait is not negative", $"{fault.RetryAfter}");
        if (fault.StatusCode is { } status)
        {
            Require.Line(ApiStatus.Describe(status, fault.ReasonPhrase, fault.Body ?? ""));
        }
    }

    /// <summary>A connection that answers once it was asked, as the request wants it.</summary>
    private sealed class AnsweringStream(byte[] answer, Random random) : DuplexByteStream
    {
        private readonly TaskCompletionSource<ScriptedStream> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            ScriptedStream inner = await _answer.Task.WaitAsync(cancellationToken);
            return await inner.ReadAsync(buffer, cancellationToken);
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!_answer.Task.IsCompleted)
            {
                string request = Encoding.Latin1.GetString(buffer.Span);
                string text = Encoding.Latin1.GetString(answer)
                    .Replace("{accept}", UpgradeHandler.Accept(Header(request, "Sec-WebSocket-Key")), StringComparison.Ordinal)
                    .Replace("{protocol}", Header(request, "Sec-WebSocket-Protocol"), StringComparison.Ordinal);
                _answer.TrySetResult(new ScriptedStream(Encoding.Latin1.GetBytes(text), random));
            }

            return ValueTask.CompletedTask;
        }

        protected override void Dispose(bool disposing)
        {
            _answer.TrySetResult(new ScriptedStream([]));
            _answer.Task.Result.Dispose();
            base.Dispose(disposing);
        }

        private static string Header(string request, string name)
        {
            int at = request.IndexOf($"{name}: ", StringComparison.Ordinal);
            return at < 0 ? "" : request[(at + name.Length + 2)..].Split("\r\n", 2)[0];
        }
    }
}
