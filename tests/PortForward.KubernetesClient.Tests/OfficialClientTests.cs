using System.Net;
using System.Net.WebSockets;
using System.Text;
using k8s;
using k8s.Autorest;
using k8s.Models;
using PortForward.Cluster;
using PortForward.Testing;

namespace PortForward.KubernetesClient.Tests;

/// <summary>The official client as a real peer of the embedded cluster: what it reads, watches, makes and forwards there by itself.</summary>
public sealed class OfficialClientTests : IAsyncLifetime
{
    private static readonly byte? DataChannel = 0, ErrorChannel = 1;

    private BridgedCluster _bridged = null!;
    private Kubernetes _client = null!;

    private TestCluster Cluster => _bridged.Cluster;

    public async Task InitializeAsync()
    {
        _bridged = await BridgedCluster.StartAsync();
        _client = new Kubernetes(_bridged.Admin);
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _bridged.DisposeAsync();
    }

    [Fact]
    public async Task It_lists_and_gets_what_is_there()
    {
        V1PodList pods = await _client.CoreV1.ListNamespacedPodAsync("default", labelSelector: "app=web");
        V1Pod pod = await _client.CoreV1.ReadNamespacedPodAsync("web-1", "default");
        V1Service service = await _client.CoreV1.ReadNamespacedServiceAsync("web", "default");

        pods.Items.Should().ContainSingle().Which.Uid().Should().Be(pod.Uid());
        pods.ResourceVersion().Should().NotBeNullOrEmpty();
        pod.Status.Phase.Should().Be("Running");
        pod.Status.Conditions.Should().Contain(condition => condition.Type == "Ready" && condition.Status == "True");
        pod.Status.StartTime.Should().BeCloseTo(DateTime.UtcNow, TimeSpan.FromMinutes(1));
        pod.Spec.Containers[0].Ports.Select(port => port.Name).Should().Equal("web", "echo", "dns");
        service.Spec.Ports.Select(port => port.TargetPort.Value).Should().Equal("web", "echo");
        (await _client.CoreV1.ListNamespacedPodAsync("default", labelSelector: "app=other")).Items.Should().BeEmpty();
        (await _client.CoreV1.ListNamespaceAsync()).Items.Select(item => item.Name()).Should().Equal("default", "kube-system");
        (await _client.Version.GetCodeAsync()).Minor.Should().Be("36");
        Cluster.Requests.Should().OnlyContain(request => request.User == "admin" && request.Protocol == "HTTP/2");
    }

    [Fact]
    public async Task A_list_comes_in_pages()
    {
        foreach (int number in Enumerable.Range(2, 4))
        {
            Cluster.Pods.Add(TestPod.Named($"web-{number}"));
        }

        var names = new List<string>();
        string? next = null;
        do
        {
            V1PodList page = await _client.CoreV1.ListNamespacedPodAsync("default", limit: 2, continueParameter: next);
            names.AddRange(page.Items.Select(pod => pod.Name()));
            next = page.Continue();
        }
        while (!string.IsNullOrEmpty(next));

        names.Should().Equal("web-1", "web-2", "web-3", "web-4", "web-5");
    }

    [Fact]
    public async Task What_is_not_there_and_what_is_not_allowed_has_its_status()
    {
        HttpOperationException missing = (await _client.Invoking(client => client.CoreV1.ReadNamespacedPodAsync("nobody", "default"))
            .Should().ThrowAsync<HttpOperationException>()).Which;
        missing.Response.StatusCode.Should().Be(HttpStatusCode.NotFound);
        KubernetesJson.Deserialize<V1Status>(missing.Response.Content).Reason.Should().Be("NotFound");

        Cluster.Access.Deny("admin", "list", "pods");
        HttpOperationException forbidden = (await _client.Invoking(client => client.CoreV1.ListNamespacedPodAsync("default"))
            .Should().ThrowAsync<HttpOperationException>()).Which;
        forbidden.Response.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        KubernetesJson.Deserialize<V1Status>(forbidden.Response.Content).Message.Should().Contain("cannot list resource \"pods\"");
    }

    [Fact]
    public async Task It_watches_what_happens()
    {
        using var over = new CancellationTokenSource();
        V1PodList pods = await _client.CoreV1.ListNamespacedPodAsync("default");
        await using IAsyncEnumerator<(WatchEventType Type, V1Pod Pod)> events = _client.CoreV1
            .WatchListNamespacedPodAsync("default", labelSelector: "app=web", resourceVersion: pods.ResourceVersion(), cancellationToken: over.Token)
            .GetAsyncEnumerator(over.Token);

        TestPod pod = Cluster.Pods.Add(TestPod.Named("web-2").Label("app", "web"));
        (await NextAsync()).Should().Be((WatchEventType.Added, "web-2"));
        pod.Ready(false);
        (await NextAsync()).Should().Be((WatchEventType.Modified, "web-2"));
        events.Current.Pod.Status.Conditions.Should().Contain(condition => condition.Type == "Ready" && condition.Status == "False");
        pod.Delete();
        (await NextAsync()).Should().Be((WatchEventType.Deleted, "web-2"));
        await over.CancelAsync();

        async Task<(WatchEventType Type, string Name)> NextAsync()
        {
            (await events.MoveNextAsync().Soon()).Should().BeTrue();
            return (events.Current.Type, events.Current.Pod.Name());
        }
    }

    [Fact]
    public async Task What_it_makes_is_there_and_gone_once_it_is_deleted()
    {
        V1Service made = await _client.CoreV1.CreateNamespacedServiceAsync(
            new V1Service
            {
                Metadata = new V1ObjectMeta { Name = "made" },
                Spec = new V1ServiceSpec
                {
                    Selector = new Dictionary<string, string>(StringComparer.Ordinal) { ["app"] = "web" },
                    Ports = [new V1ServicePort { Port = 7, TargetPort = "echo" }],
                },
            },
            "default");

        made.Uid().Should().NotBeNullOrEmpty();
        made.Namespace().Should().Be("default");
        await using (ClusterClient client = _client.ToClusterClient(_bridged.Admin))
        {
            await using PodStream stream = await client.DialAsync("svc/made", "7").Soon();
            await BridgedCluster.EchoAsync(stream, "by a service that was just made");
        }

        HttpOperationException twice = (await _client.Invoking(client => client.CoreV1.CreateNamespacedServiceAsync(made, "default"))
            .Should().ThrowAsync<HttpOperationException>()).Which;
        twice.Response.StatusCode.Should().Be(HttpStatusCode.Conflict);
        await _client.CoreV1.DeleteNamespacedServiceAsync("made", "default");
        (await _client.CoreV1.ListNamespacedServiceAsync("default")).Items.Select(service => service.Name()).Should().Equal("web");
    }

    [Fact]
    public async Task Its_own_port_forward_call_reaches_the_application()
    {
        using WebSocket socket = await ForwardAsync(BridgedCluster.Echo);
        using var channels = new StreamDemuxer(socket, StreamType.PortForward);
        using Stream data = channels.GetStream(DataChannel, DataChannel);
        channels.Start();

        await BridgedCluster.EchoAsync(data, "hello");
        await BridgedCluster.EchoAsync(data, new string('x', 30_000));
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", default).Soon();
    }

    [Fact]
    public async Task Its_own_port_forward_call_hears_why_there_is_no_connection()
    {
        using WebSocket socket = await ForwardAsync(BridgedCluster.Refused);
        using var channels = new StreamDemuxer(socket, StreamType.PortForward);
        using Stream error = channels.GetStream(ErrorChannel, outputIndex: null);
        channels.Start();

        byte[] buffer = new byte[1000];
        int length = await Task.Run(() => error.Read(buffer, 0, buffer.Length)).Soon();

        Encoding.UTF8.GetString(buffer, 0, length).Should().Contain("connection refused");
    }

    private Task<WebSocket> ForwardAsync(int port) =>
        _client.WebSocketNamespacedPodPortForwardAsync("web-1", "default", [port], WebSocketProtocol.V4BinaryWebsocketProtocol);
}
