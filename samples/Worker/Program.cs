using PortForward.Cluster;

// Does something with a Redis in the cluster every second, until Ctrl-C. No local port is opened, and the service's pods may come and go meanwhile.
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stop.Cancel();
};

await using var cluster = ClusterClient.FromKubeconfig();
using var everySecond = new PeriodicTimer(TimeSpan.FromSeconds(1));
try
{
    do
    {
        try
        {
            await using PodStream redis = await cluster.DialAsync("svc/redis", "6379", stop.Token);
            await redis.WriteAsync("INCR sample:runs\r\n"u8.ToArray(), stop.Token);
            using var reader = new StreamReader(redis, leaveOpen: true);
            Console.WriteLine($"answer {await reader.ReadLineAsync(stop.Token)}");
        }
        catch (Exception e) when (e is ClusterException or IOException) // No way to the service, or a connection that ended early.
        {
            Console.Error.WriteLine(e.Message);
        }
    }
    while (await everySecond.WaitForNextTickAsync(stop.Token));
}
catch (OperationCanceledException)
{
    Console.WriteLine("stopped");
}
