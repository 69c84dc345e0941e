using System.Diagnostics;
using PortForward.Cli.Tests.Support;
using PortForward.Testing.Api;

namespace PortForward.Cli.Tests;

/// <summary>A network that is frozen: nothing comes back, and nothing is refused.</summary>
public sealed class FrozenNetworkTests : IAsyncLifetime
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(3 + 2);

    /// <summary>What a machine that does other things at the same time needs beside.</summary>
    private static readonly TimeSpan Loaded = TimeSpan.FromSeconds(10);

    private readonly ClusterFixture _fixture = new();

    public Task InitializeAsync() => _fixture.InitializeAsync();

    public Task DisposeAsync() => _fixture.DisposeAsync();

    [Theory]
    [InlineData("pod/solo", "solo", false)]
    [InlineData("pod/solo", "solo", true)]
    [InlineData("svc/web", "web-1", false)]
    public async Task It_is_told_within_the_liveness_timeout_and_two_seconds(string target, string pod, bool isBusy)
    {
        string ports = target == "svc/web" ? ":80" : $":{ClusterFixture.Echo}";
        await using PfProcess pf = PfProcess.Start(_fixture.Kubeconfig, "--liveness-timeout", "3s", "--max-tunnels", "1", target, ports);
        int port = await pf.LocalPortAsync(target == "svc/web" ? ClusterFixture.Http : ClusterFixture.Echo);
        using Client client = await Client.ConnectAsync(port);
        if (isBusy)
        {
            await client.SendAsync("before");
            await client.ReceiveAsync(6);
        }

        using IDisposable hanging = _fixture.Cluster.Faults.Always(_ => true, RequestFault.Hang);
        _fixture.Cluster.Tunnels.FreezeAll();
        long frozen = Stopwatch.GetTimestamp();
        if (isBusy)
        {
            await client.SendAsync("a request");
        }

        string line = await pf.ErrorLineAsync(line => line.StartsWith("lost: ", StringComparison.Ordinal));

        Stopwatch.GetElapsedTime(frozen).Should().BeLessThan(Promised + Loaded);
        line.Should().StartWith($"lost: pod {pod} cannot be reached: ").And.EndWith("; connections wait until the server can be reached again");
        if (isBusy)
        {
            (await client.ReceiveToEndAsync()).WasReset.Should().BeTrue();
        }
    }
}
