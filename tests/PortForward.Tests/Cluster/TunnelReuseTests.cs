using System.IO.Pipelines;
using System.Net.Http.Headers;
using PortForward.Testing;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Cluster;

/// <summary>The pool against the embedded cluster, whose server has the runtimes' real habits.</summary>
public sealed class TunnelReuseTests : IAsyncLifetime
{
    private const int Echo = 7000;
    private const int Refused = 9999;

    private TestCluster _cluster = null!;
    private HttpMessageInvoker _invoker = null!;
    private TunnelPool _pool = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        _cluster.PortForwarding.GraceAfterFirstEnd = TimeSpan.FromMilliseconds(50);
        _cluster.Pods.Add(TestPod.Probe("solo"));
        _invoker = new HttpMessageInvoker(new BearerHandler(_cluster.Admin.Token));
        var uri = new Uri(_cluster.Server, "/api/v1/namespaces/default/pods/solo/portforward");
        _pool = new TunnelPool(new WebSocketTunnelDialer(_invoker, uri), new TunnelPoolOptions { MinimumIdle = 0, DrainTimeout = TimeSpan.FromMilliseconds(500) });
    }

    public async Task DisposeAsync()
    {
        await _pool.DisposeAsync();
        _invoker.Dispose();
        _cluster.Tunnels.Violations.Should().BeEmpty();
        await _cluster.DisposeAsync();
    }

    /// <summary>
    /// The runtime never reads what was sent to a port that it cannot dial, and the worker that holds it is lost for the session: reusing
    /// that tunnel would let every few connections hang.
    /// </summary>
    [Fact]
    public async Task Bytes_that_a_refused_port_never_read_do_not_stall_later_connections()
    {
        for (int i = 0; i < 3; i++)
        {
            await using (IStreamPair refused = await OpenAsync(Refused))
            {
                (await refused.Completion.Soon()).Kind.Should().Be(PairEndKind.Failed);
            }

            for (int j = 0; j < 5; j++)
            {
                await EchoAsync();
            }
        }
    }

    [Fact]
    public async Task A_tunnel_whose_application_took_everything_is_used_again()
    {
        await EchoAsync();
        await Waiting.UntilAsync(() => _pool.IdleCount == 1);
        await EchoAsync();

        _cluster.Activity.Now.Tunnels.Should().Be(1);
    }

    /// <summary>A whole connection, ended gracefully by this side.</summary>
    private async Task EchoAsync()
    {
        await using IStreamPair pair = await OpenAsync(Echo);
        ReadResult echoed = await pair.Input.ReadAtLeastAsync(5).AsTask().Soon();
        echoed.Buffer.Length.Should().Be(5);
        pair.Input.AdvanceTo(echoed.Buffer.End);
        await pair.FinishAsync(CancellationToken.None);
        (await pair.Completion.Soon()).Kind.Should().Be(PairEndKind.Completed);
    }

    private async Task<IStreamPair> OpenAsync(int port)
    {
        Attempt<IStreamPair> opened = await _pool.OpenPairAsync(port, "hello"u8.ToArray(), CancellationToken.None).AsTask().Soon();
        return opened.Value ?? throw new InvalidOperationException(opened.Fault!.Message);
    }

    private sealed class BearerHandler(string token) : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
