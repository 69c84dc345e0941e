using PortForward.Cluster;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;
using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Support;

namespace PortForward.Fuzzing.Targets;

/// <summary>A server's answers to the look-up of a target and its pods: first the target, then its pods.</summary>
internal sealed class ApiObjectTarget : FuzzTarget
{
    private static readonly TargetKind[] Kinds = Enum.GetValues<TargetKind>();

    public override int Mutations => 600;

    public override IReadOnlyList<byte[]> Dictionary { get; } = Words(
        "> 200 OK\n\n", "> 404 Not Found\n\n", "> 500 \nRetry-After: 1\n\n", "Content-Type: text/html\n", "null,", ",null", "{\"metadata\":{\"name\":\"web\"}", "\"spec\":{", "\"status\":{",
        "\"selector\":{\"matchLabels\":{\"a\":\"b\"}}", "\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"b\",null]}]", "\"selector\":{\"a\":null}", "\"ports\":[null]",
        "\"containers\":[null]", "\"conditions\":[null]", "\"continue\":\"x\"", "\"targetPort\":\"http\"", "\"replicas\":-1", "\"phase\":\"Running\"", "0001-01-01T00:00:00Z");

    public override async Task RunAsync(FuzzInput input)
    {
        IReadOnlyList<AnswerScript.Answer> answers = AnswerScript.Read(input);
        var time = new VirtualTime();
        foreach (TargetKind kind in Kinds)
        {
            using var api = new ScriptedApi(answers, input.NewRandom(), maxRequests: 200);
            using var cancel = new CancellationTokenSource();
            Task look = LookUpAsync(api.Client(time), kind, cancel.Token);
            bool hasEnded = time.RunUntil(look, time.Elapsed + TimeSpan.FromHours(1));
            Require.That(!api.IsStormed, "a look-up takes a bounded number of requests", $"more than {api.Requests - 1} of them");
            Require.That(hasEnded, "a look-up ends", "not within an hour");
            await look;
        }
    }

    private static async Task LookUpAsync(ApiClient client, TargetKind kind, CancellationToken cancellationToken)
    {
        try
        {
            TargetObject target = await TargetObject.ReadAsync(client, new TargetReference(kind, "web"), "default", cancellationToken);
            ApiList<Pod> pods = await client.ListAsync(ApiResources.Pods, "default", target.PodSelection, cancellationToken);
            PodConsumers.Use([.. pods.Items]);
            if (target.Pod is { } pod)
            {
                PodConsumers.Use(pod);
            }

            if (target.Service is { } service)
            {
                PodConsumers.Use(service, pods.Items is [var first, ..] ? first : new Pod());
            }
        }
        catch (ClusterException e)
        {
            Require.Message(e.Message);
        }
    }
}
