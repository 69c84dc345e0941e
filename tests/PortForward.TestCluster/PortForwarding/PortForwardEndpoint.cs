using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using PortForward.Testing.Api;
using PortForward.Testing.Applications;
using PortForward.Testing.PortForwarding.Spdy;

namespace PortForward.Testing.PortForwarding;

/// <summary>Answers requests for the subresource pods/portforward: picks the transport, upgrades, and serves the tunnel.</summary>
internal sealed class PortForwardEndpoint(Transports transports, PortForwardOptions options, Tunnels tunnels, CancellationToken stopping)
{
    private const string TunnelProtocol = "SPDY/3.1+portforward.k8s.io";
    private const string StreamProtocol = "portforward.k8s.io";

    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    /// <summary>The key that RFC 6455, section 1.3, joins to the client's.</summary>
    private const string WebSocketKey = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

    public async Task ServeAsync(HttpContext context, TestPod pod, string user)
    {
        if (pod.NodeName.Length == 0)
        {
            await ApiStatus.BadRequest($"pod {pod.Name} does not have a host assigned").WriteAsync(context);
            return;
        }

        var upgrade = context.Features.Get<IHttpUpgradeFeature>();
        var requested = context.Request.Headers.Upgrade.ToString();
        if (upgrade is not { IsUpgradableRequest: true } || requested.Length == 0)
        {
            await ApiStatus.BadRequest("Upgrade request required").WriteAsync(context);
            return;
        }

        if (string.Equals(requested, "websocket", StringComparison.OrdinalIgnoreCase))
            await ServeWebSocketAsync(context, upgrade, pod, user);
        else if (string.Equals(requested, "SPDY/3.1", StringComparison.OrdinalIgnoreCase))
            await ServeSpdyAsync(context, upgrade, pod, user);
        else
            await WriteTextAsync(context, 400, "unable to upgrade: missing upgrade headers in request");
    }

    private async Task ServeWebSocketAsync(HttpContext context, IHttpUpgradeFeature upgrade, TestPod pod, string user)
    {
        var offered = context.Request.Headers.SecWebSocketProtocol
            .SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            .ToArray();
        var ports = context.Request.Query["ports"].SelectMany(value => (value ?? "").Split(',')).ToArray();
        var wantsTunnel = offered.Contains(TunnelProtocol, StringComparer.Ordinal);
        var answer = wantsTunnel ? transports.WebSocketTunnel : transports.Channels;
        if (await RefuseAsync(context, answer) || await RefusePodAsync(context, pod))
            return;

        if (!wantsTunnel && (ports.Length == 0 || !ports.All(port => ushort.TryParse(port, out var number) && number > 0)))
        {
            await WriteTextAsync(context, 400, "query parameter \"port\" is required");
            return;
        }

        if (!wantsTunnel && !offered.Contains(ChannelForwarding.Protocol, StringComparer.Ordinal))
        {
            await WriteTextAsync(context, 400, "unable to negotiate a WebSocket protocol");
            return;
        }

        var key = context.Request.Headers.SecWebSocketKey.ToString();
        if (key.Length == 0 || !string.Equals(context.Request.Headers.SecWebSocketVersion, "13", StringComparison.Ordinal))
        {
            await WriteTextAsync(context, 400, "a WebSocket request needs Sec-WebSocket-Key and version 13");
            return;
        }

        if (answer is TransportAnswer.WronglyAccepted)
            key = "d3JvbmcgYWNjZXB0ISE=";
        var protocol = wantsTunnel ? TunnelProtocol : ChannelForwarding.Protocol;
        context.Response.Headers.Upgrade = "websocket";
        context.Response.Headers.SecWebSocketAccept = AcceptFor(key);
        context.Response.Headers.SecWebSocketProtocol = answer is TransportAnswer.WronglyNegotiated ? "another.protocol" : protocol;
        await using var connection = await upgrade.UpgradeAsync();
        if (await SpoilAsync(context, connection, answer))
            return;

        await using var stream = Wrap(connection);
        var tunnel = NewTunnel(wantsTunnel ? TunnelKind.WebSocketTunnel : TunnelKind.Channels, context, pod, user, stream);
        using var socket = WebSocket.CreateFromStream(stream, isServer: true, subProtocol: null, keepAliveInterval: Timeout.InfiniteTimeSpan);
        if (wantsTunnel)
        {
            await using var bytes = new WebSocketByteStream(socket, tunnel.AddViolation);
            await ServeSessionAsync(context, tunnel, bytes, pod.Sandbox, splitFrames: true);
        }
        else
        {
            await ServeTunnelAsync(context, tunnel, ended => ChannelForwarding.RunAsync(
                socket, pod.Sandbox, [.. ports.Select(port => int.Parse(port))], options, tunnel.AddViolation, ended));
        }

        await CloseWebSocketAsync(socket);
    }

    private async Task ServeSpdyAsync(HttpContext context, IHttpUpgradeFeature upgrade, TestPod pod, string user)
    {
        var answer = transports.Spdy;
        if (await RefuseAsync(context, answer) || await RefusePodAsync(context, pod))
            return;

        var versions = context.Request.Headers["X-Stream-Protocol-Version"];
        if (!versions.Contains(StreamProtocol, StringComparer.Ordinal))
        {
            context.Response.Headers["X-Accepted-Stream-Protocol-Versions"] = StreamProtocol;
            await WriteTextAsync(context, 403, $"unable to upgrade: unable to negotiate protocol: client supports [{string.Join(' ', versions.ToArray())}], server accepts [{StreamProtocol}]");
            return;
        }

        context.Response.Headers.Upgrade = "SPDY/3.1";
        context.Response.Headers["X-Stream-Protocol-Version"] = answer is TransportAnswer.WronglyNegotiated ? "another.protocol" : StreamProtocol;
        await using var connection = await upgrade.UpgradeAsync();
        if (await SpoilAsync(context, connection, answer))
            return;

        await using var stream = Wrap(connection);
        await ServeSessionAsync(context, NewTunnel(TunnelKind.Spdy, context, pod, user, stream), stream, pod.Sandbox, splitFrames: false);
    }

    private Task ServeSessionAsync(HttpContext context, Tunnel tunnel, Stream transport, Sandbox sandbox, bool splitFrames) =>
        ServeTunnelAsync(context, tunnel, async ended =>
        {
            using var sessionEnded = CancellationTokenSource.CreateLinkedTokenSource(ended);
            var pairs = new PairForwarding(sandbox, options, tunnel.AddViolation, sessionEnded.Token);
            using var session = new SpdyServerSession(transport, options, splitFrames, pairs.Accept, tunnel.AddViolation);
            tunnel.Session = session;
            await session.RunAsync(ended);
            await pairs.WhenOverAsync();
            await sessionEnded.CancelAsync();
        });

    private async Task ServeTunnelAsync(HttpContext context, Tunnel tunnel, Func<CancellationToken, Task> serve)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(tunnel.Closing, stopping);
        using var served = new CancellationTokenSource();

        // A client that has stopped reading would hold up the farewell for ever.
        await using var force = ended.Token.Register(() => _ = AbortUnlessServedAsync(context, served.Token));
        tunnels.Add(tunnel, context);
        try
        {
            await serve(ended.Token);
        }
        catch (Exception over) when (over is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The client left in the middle of something.
        }
        finally
        {
            await served.CancelAsync();
            tunnels.Remove(tunnel);
        }
    }

    private static async Task AbortUnlessServedAsync(HttpContext context, CancellationToken served)
    {
        try
        {
            await Task.Delay(Farewell, served);
            context.Abort();
        }
        catch (OperationCanceledException)
        {
        }
    }

    private TunnelStream Wrap(Stream inner) => new(inner, tunnels.DelayToServer, tunnels.DelayToClient, options.TimeProvider);

    private static Tunnel NewTunnel(TunnelKind kind, HttpContext context, TestPod pod, string user, TunnelStream stream) =>
        new(kind, pod.Namespace, pod.Name, user, stream, context.Features.Get<IConnectionSocketFeature>()?.Socket, new CancellationTokenSource());

    private async Task<bool> RefuseAsync(HttpContext context, TransportAnswer answer)
    {
        switch (answer)
        {
            case TransportAnswer.Refused refused:
                await WriteTextAsync(context, refused.Status, refused.Body);
                return true;
            case TransportAnswer.Hanging:
                using (var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping))
                    await Task.Delay(Timeout.InfiniteTimeSpan, over.Token).ContinueWith(_ => { }, TaskScheduler.Default);
                context.Abort();
                return true;
            default:
                return false;
        }
    }

    /// <summary>Does with an upgraded connection whatever is not the transport's protocol.</summary>
    private async Task<bool> SpoilAsync(HttpContext context, Stream connection, TransportAnswer answer)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        try
        {
            switch (answer)
            {
                case TransportAnswer.Served:
                    return false;
                case TransportAnswer.DroppingBinaryMessages when context.Response.Headers.SecWebSocketAccept.Count > 0:
                    using (var socket = WebSocket.CreateFromStream(connection, isServer: true, subProtocol: null, keepAliveInterval: Timeout.InfiniteTimeSpan))
                    {
                        while ((await socket.ReceiveAsync(new byte[4096].AsMemory(), over.Token)).MessageType is not WebSocketMessageType.Close)
                        {
                        }

                        await CloseWebSocketAsync(socket);
                    }

                    break;
                case TransportAnswer.SilentAfterUpgrade or TransportAnswer.DroppingBinaryMessages:
                    await connection.CopyToAsync(Stream.Null, over.Token);
                    break;
            }
        }
        catch (Exception lost) when (lost is WebSocketException or IOException or OperationCanceledException)
        {
            // The client has given up, or the cluster stops.
        }

        return true;
    }

    /// <summary>What the kubelet and the runtime say of a pod that has no running sandbox.</summary>
    private static async Task<bool> RefusePodAsync(HttpContext context, TestPod pod)
    {
        var problem = pod.CurrentPhase switch
        {
            "Running" => null,
            "Pending" => $"pod not found (\"{pod.Name}_{pod.Namespace}\")",
            _ => "rpc error: code = Unknown desc = sandbox container is not running",
        };
        if (problem is null)
            return false;
        await WriteTextAsync(context, 500, problem);
        return true;
    }

    private static string AcceptFor(string key)
    {
#pragma warning disable CA5350 // RFC 6455 prescribes SHA-1; nothing secret depends on it.
        return Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + WebSocketKey)));
#pragma warning restore CA5350
    }

    private static async Task CloseWebSocketAsync(WebSocket socket)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", patience.Token);
        }
        catch (Exception lost) when (lost is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException)
        {
        }
    }

    private static async Task WriteTextAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.WriteAsync(text);
    }
}
