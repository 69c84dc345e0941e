namespace PortForward.TestSupport;

/// <summary>A test against a real Redis; skipped, with the reason, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RedisFactAttribute : FactAttribute
{
    public RedisFactAttribute() => Skip = RedisServer.Program is null
        ? "no redis-server was found on PATH: install Redis (on Debian and Ubuntu: apt-get install redis-server)"
        : null;
}
