using System.Net;
using PortForward.Cluster;
using PortForward.Cluster.Api;
using PortForward.Cluster.Routing;
using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Support;
using PortForward.Tunnels;

namespace PortForward.Fuzzing.Targets;

/// <summary>A Retry-After header: whatever it says, nobody is asked without pause, and nobody waits for ever.</summary>
internal sealed class RetryAfterTarget : FuzzTarget
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(2);

    private static readonly Uri Pod = new("http://cluster.test/api/v1/namespaces/default/pods/web/portforward");

    public override int Mutations => 300;

    public override IReadOnlyList<byte[]> Dictionary { get; } = Words(
        "Wed, 01 Jan 2025 00:00:10 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "2147483647", "2147483648", "-1", "1.5", " ", ",", "\"");

    public override async Task RunAsync(FuzzInput input)
    {
        var time = new VirtualTime();
        var answer = new AnswerScript.Answer(429, "Too Many Requests", [$"Retry-After: {input.Text}"], []);
        using var api = new ScriptedApi([answer], input.NewRandom(), maxRequests: 100);
        var dialer = new SpdyUpgradeDialer(new HttpMessageInvoker(api), Pod, new TunnelDialOptions { Time = time });

        // As the router does it: dial, wait, dial again.
        var reach = new PodReach(time, static () => 0.5);
        for (int dials = 0; dials < 20; dials++)
        {
            Attempt<ITunnel> dial = await dialer.DialAsync(CancellationToken.None);
            reach.Fail(dial.Fault!);
            Require.That(dials == 0 || reach.UntilRetry > TimeSpan.FromMilliseconds(100), "dials that fail have pauses between them", $"{reach.UntilRetry}");
            Require.That(reach.UntilRetry <= LongestWait, "nobody waits longer than two minutes", $"{reach.UntilRetry}");
            time.RunUntil(Task.Delay(reach.UntilRetry, time), time.Elapsed + reach.UntilRetry);
        }

        int before = api.Requests;
        TimeSpan started = time.Elapsed;
        Task lookUp = api.Client(time).GetAsync(ApiResources.Pods, "default", "web", CancellationToken.None);
        Require.That(time.RunUntil(lookUp, started + TimeSpan.FromHours(1)), "a look-up ends", "not within an hour");
        ClusterException refused = await Assert.ThrowsAsync<ClusterException>(() => lookUp);
        Require.That(refused.StatusCode == HttpStatusCode.TooManyRequests, "a look-up ends with the server's refusal", refused.Message);
        Require.That(api.Requests - before <= 11, "a look-up is tried again ten times at most", $"{api.Requests - before} requests");
    }
}
