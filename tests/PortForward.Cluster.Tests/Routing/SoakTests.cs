using System.Diagnostics;
using System.Net.Sockets;
using PortForward.Testing;
using Xunit.Abstractions;

namespace PortForward.Cluster.Tests.Routing;

/// <summary>Mixed connections for a long time: memory and handles stay flat. PF_TEST_SOAK_MINUTES says how long; without it the test is skipped.</summary>
public sealed class SoakTests(ITestOutputHelper output)
{
    [SoakFact]
    public async Task Memory_and_handles_stay_flat()
    {
        TimeSpan duration = TimeSpan.FromMinutes(SoakFactAttribute.Minutes);
        await using TestCluster cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true });
        cluster.PortForwarding.GraceAfterFirstEnd = TimeSpan.FromMilliseconds(50);
        cluster.Add(TestObjects.Deployment("web", "app=web"));
        cluster.Pods.Add(TestPod.Probe("web-1").Label("app", "web"));
        cluster.Pods.Add(TestPod.Probe("web-2").Label("app", "web"));
        await using RoutedForward forward = await RoutedForward.StartAsync(cluster, "deploy/web", ["7000", "7001", "8080", "9999"]);
        using var process = Process.GetCurrentProcess();
        long began = Stopwatch.GetTimestamp();
        var samples = new List<(long Memory, int Handles)>();
        int rounds = 0;
        while (Stopwatch.GetElapsedTime(began) < duration)
        {
            await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => RoundAsync(forward, new Random((rounds * 8) + worker))));
            if (++rounds % 25 == 0)
            {
                cluster.Tunnels.CutAll();
            }

            forward.Events.Clear();
            cluster.ForgetRequests();
            if (Stopwatch.GetElapsedTime(began) > (samples.Count + 1) * duration / 10)
            {
                process.Refresh();
                samples.Add((GC.GetTotalMemory(forceFullCollection: true), process.HandleCount));
                output.WriteLine($"{Stopwatch.GetElapsedTime(began).TotalSeconds:0} s, {rounds * 8} connections: {samples[^1].Memory >> 10} KiB, {samples[^1].Handles} handles");
            }
        }

        samples.Skip(2).Max(sample => sample.Memory).Should().BeLessThan((samples[1].Memory * 3 / 2) + (8 << 20));
        samples.Skip(2).Max(sample => sample.Handles).Should().BeLessThan(samples[1].Handles + 200);
    }

    private static async Task RoundAsync(RoutedForward forward, Random random)
    {
        try
        {
            int kind = random.Next(5);
            using Socket client = await forward.ConnectAsync(kind switch { 0 or 1 => 0, 2 => 1, 3 => 2, _ => 3 });
            switch (kind)
            {
                case 0:
                    await RoutedForward.EchoAsync(client, new string('x', random.Next(1, 50_000)));
                    break;
                case 1:
                    await RoutedForward.EchoAsync(client, "half");
                    client.Shutdown(SocketShutdown.Send);
                    await ReadAsync(client, long.MaxValue);
                    break;
                case 2:
                    // Aborted in the middle.
                    await client.SendAsync("3000000\n"u8.ToArray());
                    await ReadAsync(client, random.Next(3_000_000));
                    client.LingerState = new LingerOption(enable: true, seconds: 0);
                    break;
                case 3:
                    await forward.WhoAnswersAsync(2);
                    break;
                default:
                    await ReadAsync(client, 1);
                    break;
            }
        }
        catch (SocketException)
        {
            // Refused ports and cut tunnels.
        }
    }

    private static async Task ReadAsync(Socket client, long bytes)
    {
        byte[] buffer = new byte[64 * 1024];
        while (bytes > 0 && await client.ReceiveAsync(buffer).Soon() is > 0 and int read)
        {
            bytes -= read;
        }
    }
}

/// <summary>A test that runs for as long as PF_TEST_SOAK_MINUTES says, and is skipped without it.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SoakFactAttribute : FactAttribute
{
    public SoakFactAttribute()
    {
        if (Minutes <= 0)
        {
            Skip = "Takes long: set PF_TEST_SOAK_MINUTES, to 30 for example.";
        }
    }

    /// <summary>How long, in minutes.</summary>
    public static double Minutes => double.TryParse(Environment.GetEnvironmentVariable("PF_TEST_SOAK_MINUTES"), out double minutes) ? minutes : 0;
}
