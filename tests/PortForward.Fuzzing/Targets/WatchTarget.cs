using PortForward.Cluster;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;
using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Support;

namespace PortForward.Fuzzing.Targets;

/// <summary>Ten minutes of a server's answers to lists and watches, which come again and again: it is not asked without pause, whatever it answers.</summary>
internal sealed class WatchTarget : FuzzTarget
{
    private static readonly TimeSpan Duration = TimeSpan.FromMinutes(10);

    /// <summary>Two each second are polled where nothing may be watched; all that fails has longer pauses.</summary>
    private const int MaxRequests = 1200;

    public override int Mutations => 500;

    /// <summary>In all, for the answers to a thousand requests and more.</summary>
    public override long MaxAllocated => 1L << 30;

    public override IReadOnlyList<byte[]> Dictionary { get; } = Words(
        "> 200 OK\n\n", "> 410 Gone\n\n", "> 403 Forbidden\n\n", "> 429 \nRetry-After: 0\n\n", "> 500 \n\n", "\n", "{\"type\":\"ADDED\",\"object\":", "{\"type\":\"BOOKMARK\",\"object\":", "{\"type\":\"DELETED\",\"object\":",
        "{\"type\":\"ERROR\",\"object\":", "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\"}", "{\"metadata\":{\"name\":\"web\",\"resourceVersion\":\"7\"}}",
        "\"continue\":\"x\"", "\"remainingItemCount\":1", "null", "\"items\":[", "\"metadata\":{", "\"conditions\":[null]", "\"type\":null", "\"object\":null", "\\ud800");

    public override async Task RunAsync(FuzzInput input)
    {
        var time = new VirtualTime();
        using var api = new ScriptedApi(AnswerScript.Read(input), input.NewRandom(), MaxRequests);
        using var end = new CancellationTokenSource();
        var watch = new ListWatch<Pod>(api.Client(time), ApiResources.Pods, "default", ApiSelection.All, time);
        Task following = FollowAsync(watch, end.Token);
        time.RunUntil(following, Duration);
        Require.That(!api.IsStormed, "a server is not asked without pause", $"{api.Requests} requests within {time.Elapsed}");
        await end.CancelAsync();
        await following;
    }

    private static async Task FollowAsync(ListWatch<Pod> watch, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (IReadOnlyCollection<Pod> pods in watch.FollowAsync(cancellationToken))
            {
                PodConsumers.Use(pods);
                if (watch.Fault is { } fault)
                {
                    Require.Message(fault.Message);
                }
            }
        }
        catch (ClusterException e)
        {
            Require.Message(e.Message);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The end of the ten minutes.
        }
    }
}
