using System.Globalization;
using System.Net;
using PortForward.Cluster;
using PortForward.Cluster.Api;
using PortForward.Fuzzing.Engine;

namespace PortForward.Fuzzing.Targets;

/// <summary>A refusal's body, behind a first line with the status and its words.</summary>
internal sealed class ApiStatusTarget : FuzzTarget
{
    public override int Mutations => 6000;

    public override IReadOnlyList<byte[]> Dictionary { get; } = Words(
        "{\"kind\":\"Status\"", ",\"message\":\"", "\"reason\":\"NotFound\"", "\"code\":404", "\"details\":{", "\"retryAfterSeconds\":5", "<!DOCTYPE html>", "<script>", "</script>",
        "<title>", "<", ">", "\\u001b", "\\ud83d\\ude00", "\\u2028", "Unauthorized", "unable to upgrade: missing upgrade headers in request: ");

    public override Task RunAsync(FuzzInput input)
    {
        string[] parts = input.Text.Split('\n', 2);
        string[] status = parts[0].Split(' ', 2);
        int code = int.TryParse(status[0], NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 500;
        string phrase = status.Length > 1 ? status[1] : "";
        string body = parts.Length > 1 ? parts[1] : "";

        var read = ApiStatus.Read((HttpStatusCode)code, phrase, body, "get pods web");
        Require.Line(read.Line);
        Require.That(read.RetryAfter is null || read.RetryAfter > TimeSpan.Zero, "a wait is positive", $"{read.RetryAfter}");
        ClusterException refused = read.ToException();
        Require.Same(read.Line, refused.Message, "a refusal is told in the server's words");
        Require.Line(ApiStatus.Describe((HttpStatusCode)code, phrase, body));
        return Task.CompletedTask;
    }
}
