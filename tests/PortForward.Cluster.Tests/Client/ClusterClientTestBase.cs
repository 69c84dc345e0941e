using System.Net.Sockets;
using System.Text;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Tests.Kubeconfig;
using PortForward.Testing;
using PortForward.Testing.Applications;

namespace PortForward.Cluster.Tests.Client;

/// <summary>A client of an embedded cluster with a service and a deployment "web". Whatever a test does, nothing may be left once the client was disposed.</summary>
public abstract class ClusterClientTestBase : IAsyncLifetime
{
    private protected const int Echo = 7000, Source = 7001, Sink = 7002, NeverReads = 7003, SpeaksFirst = 7004, Resets = 7005, Http = 8080, Refused = 9999;

    private readonly HomeFolder _home = new();

    private protected TestCluster Cluster { get; private set; } = null!;

    private protected ClusterClient Client { get; private set; } = null!;

    private protected LocalEnvironment Surroundings => _home.Environment;

    private protected HomeFolder Home => _home;

    /// <summary>What the client under test is made with, besides the kubeconfig.</summary>
    private protected virtual ClusterClientOptions Options => new();

    public async Task InitializeAsync()
    {
        Cluster = await TestCluster.StartAsync();
        Cluster.PortForwarding.GraceAfterFirstEnd = TimeSpan.FromMilliseconds(20);
        Cluster.Add(TestObjects.Deployment("web", "app=web"));
        Cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(80, "http", "web"), new ServicePort(7, "echo", "echo"), new ServicePort(9999)));
        Directory.CreateDirectory(_home[".kube"]);
        Cluster.WriteKubeconfig(_home[".kube/config"]);
        Client = NewClient();
    }

    public async Task DisposeAsync()
    {
        await Client.DisposeAsync().Soon();
        await Cluster.Activity.WaitUntilAsync(now => now is { Tunnels: 0, Watches: 0, Connections: 0 });
        Cluster.Tunnels.Violations.Should().BeEmpty();
        await Cluster.DisposeAsync();
        _home.Dispose();
    }

    private protected ClusterClient NewClient(ClusterClientOptions? options = null) => ClusterClient.FromKubeconfig(options ?? Options, Surroundings);

    private protected TestPod AddWeb(string name) => Cluster.Pods.Add(TestPod.Probe(name).Label("app", "web"));

    private protected static async Task<Socket> ConnectAsync(Forward forward, int port = 0)
    {
        var client = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await client.ConnectAsync(forward.Ports[port].Local[0]);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Says something to an echo and hears it again.</summary>
    private protected static async Task EchoAsync(Stream stream, string text)
    {
        await stream.WriteAsync(Encoding.UTF8.GetBytes(text)).Soon();
        byte[] heard = new byte[Encoding.UTF8.GetByteCount(text)];
        await stream.ReadExactlyAsync(heard).Soon();
        Encoding.UTF8.GetString(heard).Should().Be(text);
    }

    private protected static async Task EchoOnceAsync(Forward forward, string text, int port = 0)
    {
        await using var stream = new NetworkStream(await ConnectAsync(forward, port), ownsSocket: true);
        await EchoAsync(stream, text);
    }

    /// <summary>Reads to the end.</summary>
    private protected static async Task<string> ReadToEndAsync(Stream stream)
    {
        using var text = new MemoryStream();
        await stream.CopyToAsync(text).Soon();
        return Encoding.UTF8.GetString(text.ToArray());
    }

    /// <summary>An application that tells who it is, and closes.</summary>
    private protected static ApplicationHandler Name(string name) => TestApplications.SpeaksFirst(name);
}
