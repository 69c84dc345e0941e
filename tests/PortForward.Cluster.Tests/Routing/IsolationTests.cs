using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using PortForward.Cluster.Routing;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Testing.Applications;
using PortForward.Tunnels.Pool;

namespace PortForward.Cluster.Tests.Routing;

/// <summary>Clients and applications that stall hold up nobody but themselves.</summary>
/// <remarks>The time that others take and the memory of the whole process are measured, so that no other test may run meanwhile.</remarks>
[CollectionDefinition(nameof(IsolationTests), DisableParallelization = true)]
[Collection(nameof(IsolationTests))]
public sealed class IsolationTests : IAsyncLifetime
{
    private const int Flood = 7001, Echo = 7000, Http = 8080;

    private static readonly TimeSpan Floor = TimeSpan.FromSeconds(5);

    private TestCluster _cluster = null!;
    private TestPod _pod = null!;

    private static bool IsFull => Environment.GetEnvironmentVariable("PF_TEST_FULL") == "true";

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        _cluster.PortForwarding.GraceAfterFirstEnd = TimeSpan.FromMilliseconds(20);
        _pod = _cluster.Pods.Add(TestPod.Probe("solo"));
    }

    public async Task DisposeAsync()
    {
        _cluster.Tunnels.Violations.Should().BeEmpty();
        await _cluster.DisposeAsync();
    }

    /// <summary>The wanted bound is twice the unstalled time; on a machine that does other things at the same time the slowest of 200 needs a floor.</summary>
    [Fact]
    public async Task Fifty_stalled_readers_and_fifty_stalled_writers_hold_up_nobody_and_lose_nothing()
    {
        const int stalled = 50, connections = 200, upload = 3_000_000, download = 16_000_000; // more than systems on the way take
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        long[] taken = new long[stalled];
        int writers = 0;
        _pod.Applications.Serve(7100, async (connection, stopping) =>
        {
            // Reads nothing until it is told to, and then everything.
            int me = Interlocked.Increment(ref writers) - 1;
            await gate.Task.WaitAsync(stopping);
            byte[] buffer = new byte[64 * 1024];
            while (taken[me] < upload && await connection.ReceiveAsync(buffer, stopping) is > 0 and int read)
            {
                taken[me] += read;
            }

            await connection.SendAsync("thanks"u8.ToArray(), stopping);
        });
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", [$"{Echo}", $"{Flood}", "7100", $"{Http}"]);
        TimeSpan unstalled = await SlowestAsync(forward, connections);
        long memory = GC.GetTotalMemory(forceFullCollection: true);

        List<Socket> readers = [];
        List<Socket> senders = [];
        List<Task> uploads = [];
        for (int i = 0; i < stalled; i++)
        {
            Socket reader = await forward.ConnectAsync(1, receiveBuffer: 16 * 1024);
            await reader.SendAsync(Encoding.ASCII.GetBytes($"{download}\n"));
            readers.Add(reader);
            Socket sender = await forward.ConnectAsync(2);
            senders.Add(sender);
            uploads.Add(SendAllAsync(sender, upload));
        }

        await Waiting.UntilAsync(() => _pod.OpenConnections >= 2 * stalled);
        TimeSpan withStalled = await SlowestAsync(forward, connections);

        TimeSpan bound = unstalled * 2 > Floor ? unstalled * 2 : Floor;
        withStalled.Should().BeLessThan(bound, "unstalled the slowest took {0}", unstalled);
        (GC.GetTotalMemory(forceFullCollection: true) - memory).Should().BeLessThan(
            (2 * stalled) << 20, "a stalled connection may hold 1 MiB here and in the test's own server together, and 950 MB are on their way");

        gate.SetResult();
        await Task.WhenAll(uploads).Soon();
        await Waiting.UntilAsync(() => taken.All(bytes => bytes == upload));
        await Task.WhenAll(readers.Where((_, i) => IsFull || i % 5 == 0).Select(reader => ReadExactlyAsync(reader, download))).Soon();
        foreach (Socket client in readers.Concat(senders))
        {
            client.Dispose();
        }
    }

    [Fact]
    public async Task Aborted_downloads_give_their_tunnels_back()
    {
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", [$"{Flood}", $"{Echo}"]);
        for (int round = 0; round < 5; round++)
        {
            for (int i = 0; i < 10; i++)
            {
                using Socket client = await forward.ConnectAsync();
                await client.SendAsync("100000000\n"u8.ToArray());
                await client.ReceiveAsync(new byte[1000]);
                client.LingerState = new LingerOption(enable: true, seconds: 0);
            }
        }

        await Waiting.UntilAsync(() => _pod.OpenConnections == 0 && forward.Events.OfType<ConnectionClosed>().Count() == 50);
        await forward.EchoOnceAsync("alive", port: 1);
    }

    [Fact]
    public async Task With_one_tunnel_connections_share_it_as_with_kubectl()
    {
        var options = new PodRouterOptions { Tunnels = new TunnelPoolOptions { MaxTunnels = 1 } };
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", [$"{Echo}"], options);
        List<Socket> clients = [];
        for (int i = 0; i < 20; i++)
        {
            clients.Add(await forward.ConnectAsync());
            await RoutedForward.EchoAsync(clients[i], $"client {i}");
        }

        _cluster.Activity.TunnelsOpened.Should().Be(1);
        clients.ForEach(client => client.Dispose());
    }

    /// <summary>
    /// The runtime never reads what was sent to a port that refuses, and takes nothing of the connections whose streams have the same of its five workers.
    /// </summary>
    [Fact]
    public async Task In_a_shared_tunnel_a_connection_that_waits_behind_a_refused_one_is_reset_and_the_others_go_on()
    {
        var options = new PodRouterOptions { Tunnels = new TunnelPoolOptions { MaxTunnels = 1, DrainTimeout = TimeSpan.FromMilliseconds(300) } };
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", [$"{Echo}", "9999"], options);
        List<Socket> others = [];
        for (int i = 0; i < 5; i++)
        {
            others.Add(await forward.ConnectAsync());
            await RoutedForward.EchoAsync(others[i], $"other {i}");
        }

        // A refusal that is known before the client has sent anything does no harm.
        for (int refused = 1; !forward.Events.OfType<ConnectionClosed>().Any(closed => closed.BytesSent > 0); refused++)
        {
            await RefusedAsync(forward);
            await Waiting.UntilAsync(() => forward.Events.OfType<ConnectionClosed>().Count() == refused);
        }

        bool[] served = await Task.WhenAll(others.Select(async other =>
        {
            try
            {
                await RoutedForward.EchoAsync(other, "still here?");
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        })).Soon();

        served.Should().ContainSingle(isServed => !isServed, "one of five shares the worker that is lost");
        await forward.EchoOnceAsync("a new one");
        _cluster.Activity.TunnelsOpened.Should().Be(2);
        others.ForEach(other => other.Dispose());
    }

    [Fact]
    public async Task When_all_tunnels_are_stalled_a_connection_waits_and_one_line_says_so()
    {
        var options = new PodRouterOptions { Tunnels = new TunnelPoolOptions { MaxTunnels = 2, FlowTimeout = TimeSpan.FromMilliseconds(100) } };
        await using RoutedForward forward = await RoutedForward.StartAsync(_cluster, "solo", [$"{Echo}", $"{Flood}"], options);
        using Socket first = await forward.ConnectAsync(1);
        using Socket second = await forward.ConnectAsync(1);
        await first.SendAsync("50000000\n"u8.ToArray());
        await second.SendAsync("50000000\n"u8.ToArray());
        await StalledAsync(first);
        await StalledAsync(second);

        Task waiting = forward.EchoOnceAsync("patient");
        await forward.EventAsync<TunnelsSaturated>();
        waiting.IsCompleted.Should().BeFalse();
        await ReadExactlyAsync(first, 50_000_000).Soon();

        await waiting;
        forward.Events.OfType<TunnelsSaturated>().Should().ContainSingle();
    }

    private static async Task RefusedAsync(RoutedForward forward) =>
        (await forward.ConnectAsync(1).IsResetAsync("nobody reads this"u8.ToArray())).Should().BeTrue();

    private static async Task<TimeSpan> SlowestAsync(RoutedForward forward, int connections)
    {
        TimeSpan slowest = TimeSpan.Zero;
        for (int i = 0; i < connections; i++)
        {
            long began = Stopwatch.GetTimestamp();
            if (i % 2 == 0)
            {
                await forward.EchoOnceAsync($"connection {i}");
            }
            else
            {
                // On the port of the stalled readers.
                using Socket client = await forward.ConnectAsync(1);
                await client.SendAsync("1000\n"u8.ToArray());
                await ReadExactlyAsync(client, 1000);
            }

            TimeSpan took = Stopwatch.GetElapsedTime(began);
            slowest = took > slowest ? took : slowest;
        }

        return slowest;
    }

    /// <summary>Waits until nothing more comes for a client that does not read: not for a second, since a busy machine makes short pauses of its own.</summary>
    private static async Task StalledAsync(Socket client)
    {
        int before = 0;
        for (int same = 0; same < 5;)
        {
            await Task.Delay(200);
            int now = client.Available;
            same = now > 0 && now == before ? same + 1 : 0;
            before = now;
        }
    }

    private static async Task SendAllAsync(Socket socket, int bytes)
    {
        byte[] buffer = new byte[64 * 1024];
        for (int sent = 0; sent < bytes;)
        {
            sent += await socket.SendAsync(buffer.AsMemory(0, Math.Min(buffer.Length, bytes - sent)));
        }
    }

    private static async Task ReadExactlyAsync(Socket socket, int bytes)
    {
        byte[] buffer = new byte[64 * 1024];
        int received = 0;
        while (received < bytes)
        {
            int read = await socket.ReceiveAsync(buffer);
            read.Should().BePositive("{0} of {1} bytes have come", received, bytes);
            for (int i = 0; i < read; i++)
            {
                byte expected = TestApplications.SourceBlock.Span[(received + i) % TestApplications.SourceBlock.Length];
                if (buffer[i] != expected)
                {
                    throw new InvalidOperationException($"Byte {received + i} is {buffer[i]} and not {expected}.");
                }
            }

            received += read;
        }
    }
}
