using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using PortForward.Cluster.Api;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Testing.Api;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Routing;

/// <summary>A whole forward in this process, from a local socket to the embedded cluster and back.</summary>
internal sealed class RoutedForward : IAsyncDisposable
{
    public const int Echo = 7000, NeverReads = 7003, Source = 7001, Http = 8080, Refused = 9999;

    private readonly CancellationTokenSource _stop = new();
    private readonly HttpMessageInvoker _invoker;
    private readonly ConnectionCount? _connections;

    private RoutedForward(HttpMessageInvoker invoker, ConnectionCount? connections, PodRouter router, PortForwarder forwarder, ConcurrentQueue<ForwardEvent> events)
    {
        _connections = connections;
        _invoker = invoker;
        Router = router;
        Forwarder = forwarder;
        Events = events;
        Run = forwarder.RunAsync(_stop.Token);
    }

    /// <summary>The connections to the server, tunnels and others.</summary>
    public ConnectionCount Connections => _connections ?? throw new InvalidOperationException("Nobody counts the connections of this forward.");

    public PodRouter Router { get; }

    public PortForwarder Forwarder { get; }

    public Task Run { get; }

    public ConcurrentQueue<ForwardEvent> Events { get; }

    public static Task<RoutedForward> StartAsync(
        TestCluster cluster, string target, string[] ports, PodRouterOptions? options = null, TestUser? user = null, TunnelDialOptions? dialOptions = null)
    {
        var connections = new ConnectionCount();
        var invoker = new HttpMessageInvoker(new BearerHandler((user ?? cluster.Admin).Token, connections));
        return StartAsync(
            invoker,
            cluster.Server,
            pod => new WebSocketTunnelDialer(invoker, new Uri(cluster.Server, $"api/v1/namespaces/default/pods/{pod}/portforward"), dialOptions),
            target,
            ports,
            options,
            connections: connections);
    }

    /// <summary>Starts a forward over a way to the server that the caller has made; the invoker belongs to the forward from now on.</summary>
    public static async Task<RoutedForward> StartAsync(
        HttpMessageInvoker invoker, Uri server, Func<string, ITunnelDialer> dialerTo, string target, string[] ports,
        PodRouterOptions? routing = null, PortForwarderOptions? forwarding = null, ConnectionCount? connections = null)
    {
        var api = new ApiClient(invoker, server);
        ResolvedTarget resolved = await new TargetResolver(api).ResolveAsync(
            TargetReference.Parse(target), "default", [.. ports.Select(PortSpec.Parse)], TimeSpan.FromSeconds(10), progress: null, CancellationToken.None);
        var events = new ConcurrentQueue<ForwardEvent>();
        var router = new PodRouter(api, resolved, dialerTo, (routing ?? new PodRouterOptions()) with { OnEvent = events.Enqueue });
        var forwarder = new PortForwarder(
            router,
            ListenAddress.Parse(["127.0.0.1"]),
            [.. resolved.Ports.Select(port => new Forwarding.PortMapping(0, port.PodPort))],
            (forwarding ?? new PortForwarderOptions()) with { OnEvent = events.Enqueue });
        var forward = new RoutedForward(invoker, connections, router, forwarder, events);
        try
        {
            await forwarder.Ready.Soon();
            return forward;
        }
        catch
        {
            await forward.DisposeAsync();
            throw;
        }
    }

    /// <summary>Connects a client.</summary>
    /// <param name="port">The index of the forwarded port.</param>
    /// <param name="receiveBuffer">How much the system takes for a client that does not read; as much as it likes if null, which is several MB.</param>
    public async Task<Socket> ConnectAsync(int port = 0, int? receiveBuffer = null)
    {
        IPEndPoint local = Forwarder.Ports[port].Tcp;
        var client = new Socket(local.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer is not null)
        {
            client.ReceiveBufferSize = receiveBuffer.Value;
        }

        try
        {
            await client.ConnectAsync(local);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Says something to an echo and hears it again.</summary>
    public static async Task EchoAsync(Socket client, string text)
    {
        await client.SendAsync(Encoding.UTF8.GetBytes(text));
        byte[] heard = new byte[text.Length];
        for (int length = 0; length < heard.Length;)
        {
            int read = await client.ReceiveAsync(heard.AsMemory(length)).Soon();
            read.Should().BePositive("the echo of \"{0}\" was cut after {1} bytes", text, length);
            length += read;
        }

        Encoding.UTF8.GetString(heard).Should().Be(text);
    }

    /// <summary>A connection of its own for an echo.</summary>
    public async Task EchoOnceAsync(string text, int port = 0)
    {
        using Socket client = await ConnectAsync(port);
        await EchoAsync(client, text);
    }

    /// <summary>The name of the pod that answers.</summary>
    public async Task<string> WhoAnswersAsync(int port = 0)
    {
        using Socket client = await ConnectAsync(port);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray());
        client.Shutdown(SocketShutdown.Send);
        var answer = new StringBuilder();
        byte[] buffer = new byte[4096];
        while (await client.ReceiveAsync(buffer).Soon() is > 0 and int read)
        {
            answer.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }

        return answer.ToString().Split("\r\n\r\n", 2)[1].Trim();
    }

    public async Task<T> EventAsync<T>() where T : ForwardEvent
    {
        await Waiting.UntilAsync(() => Events.OfType<T>().Any());
        return Events.OfType<T>().First();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Run.Soon().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _invoker.Dispose();
        _stop.Dispose();
    }

    internal sealed class BearerHandler(string token, ConnectionCount connections)
        : DelegatingHandler(new SocketsHttpHandler { ConnectCallback = connections.ConnectAsync })
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
