using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using k8s;
using PortForward.Cluster;
using PortForward.Testing;

namespace PortForward.KubernetesClient.Tests;

/// <summary>An embedded cluster with a service "web" over the pod "web-1". When it is disposed, nothing may be left of what was started in it.</summary>
internal sealed class BridgedCluster : IAsyncDisposable
{
    public const int Echo = 7000, Refused = 9999;

    private BridgedCluster(TestCluster cluster) => Cluster = cluster;

    public TestCluster Cluster { get; }

    /// <summary>How the server is reached and recognized, without a user.</summary>
    public KubernetesClientConfiguration Nobody => new()
    {
        Host = Cluster.Server.ToString(),
        SslCaCerts = [X509Certificate2.CreateFromPem(Cluster.AuthorityPem)],
    };

    /// <summary>The admin's configuration, read from a kubeconfig by the official client.</summary>
    public KubernetesClientConfiguration Admin => Read(withCertificate: false);

    public static async Task<BridgedCluster> StartAsync(TestClusterOptions? options = null)
    {
        TestCluster cluster = await TestCluster.StartAsync(options);
        cluster.PortForwarding.GraceAfterFirstEnd = TimeSpan.FromMilliseconds(20);
        cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(80, "http", "web"), new ServicePort(7, "echo", "echo")));
        cluster.Pods.Add(TestPod.Probe("web-1").Label("app", "web"));
        return new BridgedCluster(cluster);
    }

    /// <summary>The admin's configuration, read from a kubeconfig by the official client.</summary>
    public KubernetesClientConfiguration Read(bool withCertificate)
    {
        using var kubeconfig = new MemoryStream(Encoding.UTF8.GetBytes(Cluster.KubeconfigYaml(withCertificate: withCertificate)));
        return KubernetesClientConfiguration.BuildConfigFromConfigFile(kubeconfig);
    }

    /// <summary>Uses a client in both ways, and disposes it.</summary>
    public static async Task UseAsync(ClusterClient client)
    {
        await using (client)
        {
            await using Forward forward = await client.ForwardAsync("svc/web", ":echo").Soon();
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(forward.Ports[0].Local[0]).Soon();
            await EchoAsync(new NetworkStream(socket), "forwarded");

            await using PodStream stream = await client.DialAsync("svc/web", "echo").Soon();
            await EchoAsync(stream, "dialled");
        }
    }

    /// <summary>Says something to an echo and hears it again.</summary>
    public static async Task EchoAsync(Stream stream, string text)
    {
        await stream.WriteAsync(Encoding.UTF8.GetBytes(text)).Soon();
        byte[] heard = new byte[Encoding.UTF8.GetByteCount(text)];
        await stream.ReadExactlyAsync(heard).Soon();
        Encoding.UTF8.GetString(heard).Should().Be(text);
    }

    public async ValueTask DisposeAsync()
    {
        await Cluster.Activity.WaitUntilAsync(now => now is { Tunnels: 0, Watches: 0, Connections: 0 });
        Cluster.Tunnels.Violations.Should().BeEmpty();
        await Cluster.DisposeAsync();
    }
}
