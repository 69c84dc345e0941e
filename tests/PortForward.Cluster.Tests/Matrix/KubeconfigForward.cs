using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Cluster.Api;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Routing;
using PortForward.Cluster.Tests.Kubeconfig;
using PortForward.Cluster.Tests.Routing;
using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>A forward made as the program makes it, from a kubeconfig's text and a value of <c>--transport</c>.</summary>
internal static class KubeconfigForward
{
    /// <summary>The transports by the names that the program has for them; <c>auto</c> finds one of them.</summary>
    public const string WebSocket = "websocket", Spdy = "spdy", Channel = "channel", Auto = "auto";

    /// <summary>Starts a forward to the pod "solo".</summary>
    public static async Task<RoutedForward> StartAsync(
        string kubeconfig, string transport, int[] ports, TunnelDialOptions? dialling = null, PortForwarderOptions? forwarding = null, PodRouterOptions? routing = null)
    {
        using var folder = new HomeFolder();
        string path = folder.Write("kubeconfig", kubeconfig);
        var configuration = ClusterConfiguration.Resolve(
            MergedKubeconfig.Load(path, folder.Environment), new ClusterOverrides(), TimeProvider.System, NullLoggerFactory.Instance, folder.Environment);
        var cluster = new ClusterConnection(configuration);
        var memory = new TransportMemory();
        try
        {
            return await RoutedForward.StartAsync(
                cluster.Invoker,
                cluster.Server,
                pod => new FallbackDialer(
                    [.. Dialers(transport, cluster.Invoker, cluster.PortForwardUri("default", pod), dialling)],
                    memory, dialling, read: fault => UpgradeRefusal.Read(fault, pod)),
                "pod/solo",
                [.. ports.Select(port => $":{port}")],
                routing,
                forwarding);
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    private static IEnumerable<ITunnelDialer> Dialers(string transport, HttpMessageInvoker invoker, Uri uri, TunnelDialOptions? options)
    {
        if (transport is WebSocket or Auto)
        {
            yield return new WebSocketTunnelDialer(invoker, uri, options);
        }

        if (transport is Spdy or Auto)
        {
            yield return new SpdyUpgradeDialer(invoker, uri, options);
        }

        if (transport is Channel or Auto)
        {
            yield return new ChannelTunnelDialer(invoker, uri, options);
        }
    }
}
