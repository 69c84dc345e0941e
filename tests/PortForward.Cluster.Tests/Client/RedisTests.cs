using System.Net.Sockets;
using PortForward.Testing;
using PortForward.Testing.Applications;

namespace PortForward.Cluster.Tests.Client;

/// <summary>A thousand short connections to a real database while its pods are rolled out: each is answered once, and nothing stays.</summary>
public sealed class RedisTests : ClusterClientTestBase
{
    private const int Redis = 6379, Connections = 1000, AtATime = 16, Rollouts = 5;

    /// <summary>How many connections each pod has led to the server, by its number.</summary>
    private readonly int[] _served = new int[Rollouts + 1];

    [RedisFact]
    public async Task Dialled_streams()
    {
        await using RedisServer server = await RedisServer.StartAsync();
        await RollOutUnderAsync(server, async () =>
        {
            await using PodStream stream = await Client.DialAsync("deploy/redis", $"{Redis}").Soon();
            return await RedisServer.AskAsync(stream, "INCR count");
        });

        Client.DialledTargets.Should().Be(1, "all streams were to one target");
        await NothingStaysAsync(server);
    }

    [RedisFact]
    public async Task Connections_of_a_forward()
    {
        await using RedisServer server = await RedisServer.StartAsync();
        Forward? forward = null;
        await RollOutUnderAsync(server, async () =>
        {
            using Socket client = await ConnectAsync(forward!);
            await using var stream = new NetworkStream(client);
            return await RedisServer.AskAsync(stream, "INCR count");
        }, async () => forward = await Client.ForwardAsync("deploy/redis", $":{Redis}").Soon());

        await Waiting.UntilAsync(() => forward!.Counters.ConnectionsOpen == 0);
        forward!.Counters.ConnectionsAccepted.Should().Be(Connections);
        forward.State.Should().Be(ForwardState.Ready);
        await forward.DisposeAsync().Soon();
        await NothingStaysAsync(server);
    }

    /// <summary>Makes the connections, many at a time, and replaces the pod again and again meanwhile as a rollout does: the new one first.</summary>
    private async Task RollOutUnderAsync(RedisServer server, Func<Task<string>> increaseAsync, Func<Task>? start = null)
    {
        Cluster.Add(TestObjects.Deployment("redis", "app=redis"));
        TestPod pod = AddRedis(0, server);
        if (start is not null)
        {
            await start();
        }

        int begun = 0;
        var answers = new List<string>();
        Task[] clients = [.. Enumerable.Range(0, AtATime).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Increment(ref begun) <= Connections)
            {
                string answer = await increaseAsync();
                lock (answers)
                {
                    answers.Add(answer);
                }
            }
        }))];
        Task all = Task.WhenAll(clients);
        for (int next = 1; next <= Rollouts; next++)
        {
            await UntilAsync(() => begun > next * Connections / (Rollouts + 2), all);
            TestPod old = pod;
            pod = AddRedis(next, server);
            old.Terminating();
            await UntilAsync(() => Volatile.Read(ref _served[next]) > 0 && old.OpenConnections == 0, all);
            old.Delete();
        }

        await all.WaitAsync(TimeSpan.FromMinutes(1));
        answers.Should().BeEquivalentTo(Enumerable.Range(1, Connections).Select(number => $":{number}"), "each was answered, and the server has seen each once");
        _served.Should().OnlyContain(count => count > 0, "connections went to every pod");
    }

    private async Task NothingStaysAsync(RedisServer server)
    {
        await Cluster.Activity.WaitUntilAsync(now => now.Connections == 0);
        Cluster.Activity.TunnelsOpened.Should().BeLessThan(Connections / 2, "tunnels are used again");

        await Client.DisposeAsync().Soon();

        Client.DialledTargets.Should().Be(0);
        Client.Tunnels.Left.Should().Be(Client.Tunnels.Most);
        await Cluster.Activity.WaitUntilAsync(now => now is { Tunnels: 0, Watches: 0, Connections: 0, ApiConnections: 0 });
        using var limit = new CancellationTokenSource(Waiting.Patience);
        while (!(await server.AskAsync("INFO clients")).Contains("connected_clients:1\r\n", StringComparison.Ordinal))
        {
            limit.IsCancellationRequested.Should().BeFalse("whoever asks is the only one");
            await Task.Delay(10);
        }
    }

    private TestPod AddRedis(int number, RedisServer server)
    {
        ApplicationHandler relay = TestApplications.Relay(server.EndPoint);
        return Cluster.Pods.Add(TestPod.Named($"redis-{number}").Label("app", "redis").Serves(Redis, (connection, stopping) =>
        {
            Interlocked.Increment(ref _served[number]);
            return relay(connection, stopping);
        }));
    }

    /// <summary>Waits for a condition, or for the clients' failure.</summary>
    private static async Task UntilAsync(Func<bool> condition, Task clients)
    {
        await Waiting.UntilAsync(() => condition() || clients.IsCompleted);
        if (clients.IsFaulted)
        {
            await clients;
        }
    }
}
