namespace PortForward.Cli.Tests.Support;

/// <summary>A table of tests that need a PostgreSQL and a Redis with their clients; skipped, with the reason, where one of them is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class DatabaseTheoryAttribute : TheoryAttribute
{
    public DatabaseTheoryAttribute() => Skip = Databases.WhyNot;
}

/// <summary>A test that needs a terminal, and a PostgreSQL and a Redis with their clients.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class TerminalDatabaseFactAttribute : FactAttribute
{
    public TerminalDatabaseFactAttribute() => Skip = new TerminalFactAttribute().Skip ?? Databases.WhyNot;
}
