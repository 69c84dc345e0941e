using PortForward.Cluster;
using Xunit;

/// <summary>One forward to a database in the cluster, for all tests of a class: opened before the first of them, closed after the last.</summary>
public sealed class DatabaseFixture : IAsyncLifetime
{
    private readonly ClusterClient _cluster = ClusterClient.FromKubeconfig();

    /// <summary>For another database: its target and port here, and in the tests its driver with <c>Host={db.Host};Port={db.Port}</c>.</summary>
    public Forward Forward { get; private set; } = null!;

    public async Task InitializeAsync() => Forward = await _cluster.ForwardAsync("svc/redis", ":6379");

    public async Task DisposeAsync() => await _cluster.DisposeAsync(); // And with it the forward.
}
