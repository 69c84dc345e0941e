using System.Net;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cli.Output;
using PortForward.Forwarding;

namespace PortForward.Cli.Tests.Output;

public sealed class FailureDigestTests
{
    private static readonly ForwardedPort Port = new(new IPEndPoint(IPAddress.Loopback, 8080), 80);

    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _written = [];

    [Fact]
    public async Task Of_many_failures_of_a_kind_three_are_told_and_the_others_counted_once_in_ten_seconds()
    {
        await RunAsync(digest =>
        {
            Fail(digest, 500, "refused");
            _time.Advance(TimeSpan.FromSeconds(10));
            Fail(digest, 5, "refused");
        });

        _written.Should().Equal(
            "connection 0 for 8080 failed: refused", "connection 1 for 8080 failed: refused", "connection 2 for 8080 failed: refused",
            "497 more connections for 8080 failed likewise: refused",
            "connection 0 for 8080 failed: refused", "connection 1 for 8080 failed: refused", "connection 2 for 8080 failed: refused",
            "2 more connections for 8080 failed likewise: refused");
    }

    [Fact]
    public async Task Failures_of_another_kind_are_told_for_themselves()
    {
        await RunAsync(digest =>
        {
            Fail(digest, 4, "refused");
            Fail(digest, 1, "reset");
        });

        _written.Should().HaveCount(5).And.Contain("connection 0 for 8080 failed: reset").And.Contain("1 more connections for 8080 failed likewise: refused");
    }

    private static void Fail(FailureDigest digest, int count, string reason)
    {
        for (int i = 0; i < count; i++)
        {
            digest.Add(new ConnectionClosed(i, Port, new ConnectionEnd(ConnectionEndKind.PodReset), 0, 0, TimeSpan.Zero), reason);
        }
    }

    private async Task RunAsync(Action<FailureDigest> run)
    {
        await using var stderr = new Stderr(LogFormat.Text, Write, _time, isTerminal: false);
        using var digest = new FailureDigest(stderr.Tell, _time);
        run(digest);
    }

    private StreamFault? Write(string text)
    {
        _written.Add(text.TrimEnd());
        return null;
    }
}
