using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

public sealed class WarmConnectionsTests : IAsyncDisposable
{
    private readonly TestAuthority _root = new();
    private readonly FakeTimeProvider _time = new();
    private readonly Peer _peer;
    private readonly WarmConnections _warm;
    private readonly HttpMessageInvoker _http;
    private int _dials;

    public WarmConnectionsTests()
    {
        _peer = new Peer(_root);
        var dialer = new ServerDialer
        {
            Trust = ServerTrust.Pool(Encoding.UTF8.GetBytes(_root.Pem), "test"),
            Time = _time,
            LookUp = (_, _) =>
            {
                Interlocked.Increment(ref _dials);
                return Task.FromResult<IPAddress[]>([IPAddress.Loopback]);
            },
        };
        _warm = new WarmConnections(dialer, _peer.Uri, size: 2);
        _http = new HttpMessageInvoker(HttpTransport.Create(dialer, _peer.Uri, _warm));
    }

    [Fact]
    public async Task Requests_use_connections_that_were_open_before_and_others_take_their_place()
    {
        await BeginAsync();

        (await GetAsync()).Should().Be("connection 1 or 2: ok");
        _time.Advance(WarmPolicy.Rest);
        await Waiting.UntilAsync(() => _warm.ReadyCount == 2 && _peer.Handshakes >= 3);

        _peer.Handshakes.Should().Be(3);
    }

    [Fact]
    public async Task Nothing_is_opened_before_the_start_is_over()
    {
        (await GetAsync()).Should().Be("connection 1 or 2: ok");
        _time.Advance(TimeSpan.FromMinutes(1));

        _dials.Should().Be(1);
        _warm.IsDialling.Should().BeFalse();
    }

    [Fact]
    public async Task A_connection_that_the_server_has_ended_is_never_used()
    {
        await BeginAsync();

        _peer.EndAll();
        await Waiting.UntilAsync(() => _warm.ReadyCount == 0);

        (await GetAsync()).Should().Be("connection 3: ok");
        _peer.Sent.Should().Equal("3 GET /x HTTP/1.1");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task If_a_connection_ends_at_its_first_request_that_one_is_sent_again_through_a_new_one(bool graceful)
    {
        await BeginAsync();
        _peer.EndsAtFirstRequest = (connection => connection <= 2, graceful);

        (await GetAsync()).Should().Be("connection 3: ok");

        _peer.Sent.Should().HaveCount(2).And.AllSatisfy(line => line.Should().EndWith(" GET /x HTTP/1.1"));
    }

    [Fact]
    public async Task If_one_gives_no_answer_the_others_are_not_tried_one_after_the_other()
    {
        await BeginAsync();
        _peer.IsSilent = connection => connection <= 2;
        using var limit = new CancellationTokenSource();
        Task<string> first = GetAsync(cancellationToken: limit.Token);
        await Waiting.UntilAsync(() => !_peer.Sent.IsEmpty);

        await limit.CancelAsync();
        await first.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();

        (await GetAsync()).Should().Be("connection 3: ok");
    }

    [Fact]
    public async Task If_the_server_cannot_be_reached_any_more_that_is_what_the_user_is_told()
    {
        await BeginAsync();
        _peer.EndsAtFirstRequest = (_ => true, Graceful: true);
        await _peer.StopListeningAsync();

        HttpRequestException failure = (await FluentActions.Awaiting(() => GetAsync()).Should().ThrowAsync<HttpRequestException>()).Which;

        ClusterException.Find(failure)!.Message.Should().StartWith("The connection to the server 127.0.0.1:").And.Contain("was refused");
    }

    [Fact]
    public async Task A_request_that_is_no_upgrade_uses_none_and_does_not_keep_them_open_for_longer()
    {
        await BeginAsync();

        (await GetAsync(upgrade: null)).Should().Be("connection 3: ok");
        await PassAsync(seconds: 100);
        _peer.EndAll();
        (await GetAsync(upgrade: null)).Should().StartWith("connection ");
        await PassAsync(seconds: 50);

        _warm.ReadyCount.Should().Be(0);
    }

    [Fact]
    public async Task After_two_minutes_without_a_use_none_is_left_and_nobody_asks_the_server_again()
    {
        await BeginAsync();

        await PassAsync(seconds: 150);

        _warm.ReadyCount.Should().Be(0);
        _peer.Handshakes.Should().Be(4 * 2);
    }

    [Fact]
    public async Task What_nobody_uses_is_closed_with_the_rest_and_what_is_used_is_not()
    {
        await BeginAsync();
        await using Stream used = await UpgradeAsync();

        _warm.Dispose();
        await Waiting.UntilAsync(() => _peer.Open == 1);

        byte[] echo = new byte[4];
        await used.WriteAsync("ping"u8.ToArray());
        await used.ReadExactlyAsync(echo);
        Encoding.ASCII.GetString(echo).Should().Be("ping");
    }

    [Fact]
    public async Task A_server_that_refuses_them_is_asked_ever_more_seldom()
    {
        await _peer.StopListeningAsync();
        _warm.Begin();

        await PassAsync(seconds: 200);

        // At 0.2 s and after 1, 2, 4, 8, 16, 32 and 60 s more: none is due later than 112 s.
        _dials.Should().BeInRange(2 * 6, 2 * 7);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        _warm.Dispose();
        await _peer.DisposeAsync();
        _root.Dispose();
    }

    private async Task BeginAsync()
    {
        _warm.Begin();
        _time.Advance(WarmPolicy.Rest);
        await Waiting.UntilAsync(() => _warm.ReadyCount == 2);
    }

    /// <summary>Lets time pass, no more at once than it takes to dial: renewals follow each other as they would.</summary>
    private async Task PassAsync(int seconds)
    {
        for (int second = 0; second < seconds; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Waiting.UntilAsync(() => !_warm.IsDialling);
        }
    }

    /// <summary>Asks for an upgrade, which the server answers as a request that it does not upgrade.</summary>
    private async Task<string> GetAsync(string? upgrade = "unknown", CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_peer.Uri, "x"));
        if (upgrade is not null)
        {
            request.Headers.TryAddWithoutValidation("Upgrade", upgrade);
        }

        using HttpResponseMessage response = await _http.SendAsync(request, cancellationToken).Soon();
        string text = await response.Content.ReadAsStringAsync(cancellationToken);
        return text.Replace("connection 1:", "connection 1 or 2:", StringComparison.Ordinal).Replace("connection 2:", "connection 1 or 2:", StringComparison.Ordinal);
    }

    private async Task<Stream> UpgradeAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_peer.Uri, "upgrade"));
        request.Headers.Connection.Add("Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", "echo");
        HttpResponseMessage response = await _http.SendAsync(request, CancellationToken.None).Soon();
        response.StatusCode.Should().Be(HttpStatusCode.SwitchingProtocols);
        return await response.Content.ReadAsStreamAsync();
    }

    /// <summary>An HTTPS server whose connections have numbers, and which can end them when a test wants it.</summary>
    private sealed class Peer : IAsyncDisposable
    {
        private readonly LoopbackListener _listener;
        private readonly TestAuthority _root;
        private readonly ConcurrentDictionary<int, Socket> _sockets = [];
        private int _handshakes;

        public Peer(TestAuthority root)
        {
            _root = root;
            _listener = new LoopbackListener(ServeAsync);
            Uri = new Uri($"https://127.0.0.1:{_listener.Port}/");
        }

        public Uri Uri { get; }

        public int Handshakes => Volatile.Read(ref _handshakes);

        public int Open => _sockets.Count;

        public ConcurrentQueue<string> Sent { get; } = [];

        public (Func<int, bool> Connection, bool Graceful) EndsAtFirstRequest { get; set; } = (_ => false, true);

        public Func<int, bool> IsSilent { get; set; } = _ => false;

        public void EndAll()
        {
            foreach (Socket socket in _sockets.Values)
            {
                socket.Shutdown(SocketShutdown.Both);
            }
        }

        public Task StopListeningAsync() => _listener.StopListeningAsync();

        public ValueTask DisposeAsync() => _listener.DisposeAsync();

        private async Task ServeAsync(Socket socket, CancellationToken ended)
        {
            int number = Interlocked.Increment(ref _handshakes);
            _sockets[number] = socket;
            try
            {
                await using var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
                await tls.AuthenticateAsServerAsync(TestServer.Options(_root.IssueServer("127.0.0.1")), ended);
                while (await HttpHead.ReadAsync(tls, ended) is { } head)
                {
                    Sent.Enqueue($"{number} {head[..head.IndexOf('\r', StringComparison.Ordinal)]}");
                    if (IsSilent(number))
                    {
                        await Task.Delay(Timeout.Infinite, ended);
                    }

                    if (EndsAtFirstRequest.Connection(number))
                    {
                        if (!EndsAtFirstRequest.Graceful)
                        {
                            socket.Close(timeout: 0); // A reset.
                        }

                        return;
                    }

                    if (head.Contains("Upgrade: echo", StringComparison.Ordinal))
                    {
                        await tls.WriteAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"u8.ToArray(), ended);
                        await tls.CopyToAsync(tls, ended);
                        return;
                    }

                    await tls.WriteAsync(Encoding.ASCII.GetBytes(TestServer.Ok($"connection {number}: ok")), ended);
                }
            }
            finally
            {
                _sockets.TryRemove(number, out _);
            }
        }
    }
}
