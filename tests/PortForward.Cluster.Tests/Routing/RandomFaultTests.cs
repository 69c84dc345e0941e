using System.Net.Sockets;
using System.Text;
using PortForward.Cluster.Routing;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Testing.Api;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;
using Xunit.Abstractions;
using PairTunnel = PortForward.Testing.PortForwarding.Tunnel;

namespace PortForward.Cluster.Tests.Routing;

/// <summary>
/// Whatever happens to pods, tunnels and servers: a client sees the right bytes, and an orderly end only after all of them. The one
/// exception is an application that is killed, whose kernel ends its connections gracefully; nobody behind the runtime can tell.
/// </summary>
/// <remarks>PF_TEST_SEED runs one seed; PF_TEST_FULL=true runs a thousand, otherwise fifty.</remarks>
public sealed class RandomFaultTests(ITestOutputHelper output)
{
    private const int Answers = 7300;

    private static readonly byte[] Pattern = [.. Enumerable.Range(0, 1 << 16).Select(i => (byte)((i * 131) ^ (i >> 7)))];

    public static TheoryData<int> Batches => [.. Enumerable.Range(0, 10)];

    private static int RunsPerBatch => Environment.GetEnvironmentVariable("PF_TEST_FULL") == "true" ? 100 : 5;

    [Theory]
    [MemberData(nameof(Batches))]
    public async Task No_fault_makes_a_wrong_byte_a_short_answer_or_a_hang(int batch)
    {
        int[] seeds = Environment.GetEnvironmentVariable("PF_TEST_SEED") is { } one
            ? batch == 0 ? [int.Parse(one)] : []
            : [.. Enumerable.Range(batch * RunsPerBatch, RunsPerBatch)];
        foreach (int seed in seeds)
        {
            output.WriteLine($"seed {seed}");
            try
            {
                await RunAsync(seed).WaitAsync(TimeSpan.FromMinutes(1));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {e.Message} (run it alone with PF_TEST_SEED={seed})", e);
            }
        }
    }

    private async Task RunAsync(int seed)
    {
        var random = new Random(seed);
        await using TestCluster cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        cluster.PortForwarding.GraceAfterFirstEnd = TimeSpan.FromMilliseconds(20);
        cluster.Add(TestObjects.Deployment("web", "app=web"));
        List<TestPod> pods = [AddPod(cluster, 0), AddPod(cluster, 1)];
        var options = new PodRouterOptions
        {
            HoldTimeout = TimeSpan.FromSeconds(5),
            Balance = random.Next(3) == 0,
            Jitter = () => 0.5,
            Tunnels = new TunnelPoolOptions
            {
                DialTimeout = TimeSpan.FromSeconds(3),
                MaxTunnels = random.Next(4) == 0 ? 2 : 256,
                FlowTimeout = TimeSpan.FromMilliseconds(200),
                DrainTimeout = TimeSpan.FromSeconds(3),
                ProbeInterval = TimeSpan.FromMilliseconds(500),
            },
        };
        var dialOptions = new TunnelDialOptions { LivenessTimeout = TimeSpan.FromMilliseconds(900), AnswerTimeout = TimeSpan.FromSeconds(3) };
        var kills = new Kills();
        int served;
        ConnectionCount connections;
        await using (RoutedForward forward = await RoutedForward.StartAsync(cluster, "deploy/web", [$"{Answers}"], options, dialOptions: dialOptions))
        {
            connections = forward.Connections;
            Task<bool>[] clients = [.. Enumerable.Range(0, 12).Select(i => ClientAsync(forward, new Random((seed * 1000) + i), kills))];
            for (int i = 0; i < 6; i++)
            {
                await Task.Delay(random.Next(60));
                await BreakAsync(cluster, pods, random, kills);
            }

            cluster.Tunnels.ThawAll();
            served = (await Task.WhenAll(clients)).Count(whole => whole);

            // When all is well again, so is the forward.
            await RetryAsync(() => TransferAsync(forward, new Random(seed), 5000));
            await Waiting.UntilAsync(() => forward.Events.OfType<ConnectionClosed>().Count() == forward.Events.OfType<ConnectionAccepted>().Count());
        }

        // The server may keep a tunnel whose worker an unread byte has blocked, as real ones do; this side keeps nothing.
        await Waiting.UntilAsync(() => connections.Open == 0);
        served.Should().BeInRange(0, 12);
        cluster.Tunnels.Violations.Should().BeEmpty();
    }

    private static TestPod AddPod(TestCluster cluster, int number) =>
        cluster.Pods.Add(TestPod.Named($"web-{number}-{Guid.NewGuid():n}").Label("app", "web").Serves(Answers, AnswerAsync));

    /// <summary>Reads two numbers on a line, takes as many bytes as the first, and then sends as many as the second.</summary>
    private static async Task AnswerAsync(Socket connection, CancellationToken stopping)
    {
        byte[] buffer = new byte[32 * 1024];
        var head = new StringBuilder();
        int upload = 0, download = 0, taken = 0;
        bool hasHead = false;
        while (!hasHead || taken < upload)
        {
            int read = await connection.ReceiveAsync(buffer, stopping);
            if (read == 0)
            {
                return;
            }

            int body = 0;
            if (!hasHead)
            {
                int newline = Array.IndexOf(buffer, (byte)'\n', 0, read);
                head.Append(Encoding.ASCII.GetString(buffer, 0, newline < 0 ? read : newline));
                if (newline < 0)
                {
                    continue;
                }

                hasHead = true;
                body = newline + 1;
                string[] numbers = head.ToString().Split(' ');
                (upload, download) = (int.Parse(numbers[0]), int.Parse(numbers[1]));
            }

            for (; body < read; body++, taken++)
            {
                if (buffer[body] != Pattern[taken % Pattern.Length])
                {
                    await connection.SendAsync("WRONG"u8.ToArray(), stopping);
                    return;
                }
            }
        }

        for (int sent = 0; sent < download;)
        {
            int at = sent % Pattern.Length;
            sent += await connection.SendAsync(Pattern.AsMemory(at, Math.Min(Pattern.Length - at, download - sent)), stopping);
        }
    }

    /// <summary>One connection. True if it was served whole; a reset is no failure of the model.</summary>
    private static async Task<bool> ClientAsync(RoutedForward forward, Random random, Kills kills)
    {
        await Task.Delay(random.Next(250));

        int before = kills.Count;
        try
        {
            await TransferAsync(forward, random, random.Next(4) == 0 ? 3_000_000 : 20_000);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
        catch (TruncatedException) when (kills.Count != before)
        {
            return false;
        }
    }

    private static async Task TransferAsync(RoutedForward forward, Random random, int size)
    {
        int upload = random.Next(size), download = random.Next(size);
        using Socket client = await forward.ConnectAsync();
        Task sending = SendAsync(client, upload, download);
        byte[] buffer = new byte[16 * 1024];
        int received = 0;
        bool reads = true;
        try
        {
            while (reads)
            {
                int read = await client.ReceiveAsync(buffer).Soon();
                reads = read > 0;
                for (int i = 0; i < read; i++, received++)
                {
                    if (received >= download || buffer[i] != Pattern[received % Pattern.Length])
                    {
                        throw new InvalidOperationException($"byte {received} of {download} is wrong");
                    }
                }

                if (random.Next(50) == 0)
                {
                    await Task.Delay(5);
                }
            }
        }
        finally
        {
            // After an end the sender fails by itself; it is not left behind in any case.
            await Task.WhenAny(sending, Task.Delay(TimeSpan.FromSeconds(received == download ? 0 : 2)));
            client.LingerState = new LingerOption(enable: true, seconds: 0);
            client.Close();
            await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // A reset is told to one call only: if that was the one that sends, the one that reads sees an end.
        if (sending.Exception?.InnerException is SocketException reset)
        {
            throw reset;
        }

        if (received != download)
        {
            throw new TruncatedException($"the answer ended gracefully after {received} of {download} bytes");
        }
    }

    private static async Task SendAsync(Socket client, int upload, int download)
    {
        await client.SendAsync(Encoding.ASCII.GetBytes($"{upload} {download}\n"));
        for (int sent = 0; sent < upload;)
        {
            int at = sent % Pattern.Length;
            sent += await client.SendAsync(Pattern.AsMemory(at, Math.Min(Pattern.Length - at, upload - sent)));
        }
    }

    private async Task BreakAsync(TestCluster cluster, List<TestPod> pods, Random random, Kills kills)
    {
        PairTunnel? tunnel = cluster.Tunnels.Open is { Count: > 0 } open ? open[random.Next(open.Count)] : null;
        int fault = random.Next(12);
        output.WriteLine($"  fault {fault}, tunnel {tunnel?.GetHashCode()} of {cluster.Tunnels.Open.Count}");
        switch (fault)
        {
            case 0:
                cluster.Tunnels.CutAll();
                break;
            case 1:
                tunnel?.Cut();
                break;
            case 2:
                cluster.Tunnels.CloseAll();
                break;
            case 3:
                cluster.Tunnels.FreezeAll();
                await Task.Delay(random.Next(300));
                cluster.Tunnels.ThawAll();
                break;
            case 4:
                tunnel?.Freeze();
                break;
            case 5:
                cluster.Tunnels.DelayToClient = TimeSpan.FromMilliseconds(random.Next(20));
                break;
            case 6:
                // A control frame of a version that does not exist.
                await SendRawAsync(tunnel, [0x80, 0x09, 0x00, 0x01, 0, 0, 0, 0]);
                break;
            case 7:
                // The beginning of a frame that never ends.
                await SendRawAsync(tunnel, [0x80, 0x03, 0x00]);
                tunnel?.Cut();
                break;
            case 8:
                int[] statuses = [401, 403, 429, 500, 503];
                cluster.Faults.Next(IsUpgrade, RequestFault.Status(statuses[random.Next(statuses.Length)]), times: random.Next(1, 4));
                break;
            case 9:
                cluster.Faults.Next(IsUpgrade, RequestFault.Cut, times: random.Next(1, 4));
                break;
            case 10:
                TestPod leaving = pods[0];
                pods.RemoveAt(0);
                pods.Add(AddPod(cluster, random.Next()));
                leaving.Terminating();
                await Task.Delay(random.Next(30));
                kills.Add();
                leaving.Delete();
                kills.Add();
                break;
            case 11:
                kills.Add();
                pods[0].Applications.KillAll();
                await Task.Delay(random.Next(20));
                pods[0].Applications.RestartAll();
                kills.Add();
                break;
        }

        static bool IsUpgrade(RecordedRequest request) => request.Path.EndsWith("/portforward", StringComparison.Ordinal);
    }

    private static async Task SendRawAsync(PairTunnel? tunnel, byte[] bytes)
    {
        try
        {
            await (tunnel?.WriteRawAsync(bytes) ?? Task.CompletedTask).WaitAsync(TimeSpan.FromSeconds(1));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or TimeoutException or OperationCanceledException or InvalidOperationException)
        {
            // It ended first.
        }
    }

    private static async Task RetryAsync(Func<Task> attempt)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                await attempt();
                return;
            }
            catch (Exception e) when (tries < 20 && e is SocketException)
            {
                await Task.Delay(100);
            }
        }
    }

    private sealed class TruncatedException(string message) : Exception(message);

    /// <summary>Counts killed applications; a connection that lived through one may have been cut gracefully.</summary>
    private sealed class Kills
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public void Add() => Interlocked.Increment(ref _count);
    }
}
