using PortForward.Testing;
using PortForward.Testing.Applications;

namespace PortForward.Cli.Tests.Support;

/// <summary>A real PostgreSQL and a real Redis of this machine behind the services <c>postgres</c> and <c>redis</c> of an embedded cluster.</summary>
internal sealed class Databases : IAsyncDisposable
{
    private readonly PostgresServer _postgres;

    private Databases(PostgresServer postgres, RedisServer redis) => (_postgres, Redis) = (postgres, redis);

    /// <summary>What is missing; null if nothing is.</summary>
    public static string? WhyNot { get; } =
        !OperatingSystem.IsWindows() && PostgresServer.IsThere && RedisServer.Program is not null && Programs.Find("psql") is not null && Programs.Find("redis-cli") is not null
            ? null
            : "needs PostgreSQL and Redis: servers, psql and redis-cli (on Debian and Ubuntu: apt-get install postgresql redis)";

    public RedisServer Redis { get; }

    public static async Task<Databases> StartAsync(TestCluster cluster)
    {
        var databases = new Databases(await PostgresServer.StartAsync(), await RedisServer.StartAsync());
        cluster.Pods.Add(TestPod.Probe("postgres-0").Label("app", "postgres").Serves(5432, TestApplications.Relay(databases._postgres.EndPoint)));
        cluster.Pods.Add(TestPod.Probe("redis-0").Label("app", "redis").Serves(6379, TestApplications.Relay(databases.Redis.EndPoint)));
        cluster.Add(TestObjects.Service("postgres", "app=postgres", new ServicePort(5432, "pg", "5432")));
        cluster.Add(TestObjects.Service("redis", "app=redis", new ServicePort(6379, "", "6379")));
        return databases;
    }

    public async ValueTask DisposeAsync()
    {
        await Redis.DisposeAsync();
        await _postgres.DisposeAsync();
    }
}
