using System.Net;
using PortForward.Tunnels;

namespace PortForward.Cluster.Api;

/// <summary>Reads what a server says when it refuses an upgrade to a port-forward.</summary>
internal static class UpgradeRefusal
{
    /// <summary>What a kubelet answers to a WebSocket that it does not know: servers before 1.31 pass the tunnel's request on to it.</summary>
    private const string KnowsNoTunnel = "query parameter \"port\" is required";

    /// <summary>What a fault says about the pod and the user.</summary>
    /// <param name="fault">Why there is no tunnel.</param>
    /// <param name="pod">The pod's name.</param>
    public static RefusalMeaning Read(TunnelFault fault, string pod)
    {
        ArgumentNullException.ThrowIfNull(fault);
        if (fault.StatusCode is not { } code)
        {
            return RefusalMeaning.Unknown;
        }

        var status = ApiStatus.Read(code, fault.ReasonPhrase, fault.Body ?? "");
        if (!status.IsFromServer)
        {
            return code == HttpStatusCode.BadRequest && status.Message.Contains(KnowsNoTunnel, StringComparison.Ordinal)
                ? RefusalMeaning.NotOffered
                : RefusalMeaning.Unknown;
        }

        return status.SaysMissing(new ApiSubject(ApiResources.Pods.Group, ApiResources.Pods.Plural, pod)) ? RefusalMeaning.PodIsGone
            : code == HttpStatusCode.Forbidden && IsAboutRights(status.Message) ? RefusalMeaning.MissingRight
            : RefusalMeaning.Explained;
    }

    /// <summary>What to do about a refusal, for brackets behind it; null if nothing is known.</summary>
    /// <param name="fault">Why there is no tunnel.</param>
    public static string? Advise(TunnelFault fault) => Read(fault, pod: "") == RefusalMeaning.MissingRight
        ? "grant \"create\" on pods/portforward for SPDY; a WebSocket needs \"get\" and, since Kubernetes 1.35, \"create\""
        : null;

    /// <summary>Whether the API server says that the pod does not exist.</summary>
    /// <param name="fault">Why there is no tunnel; null if there is one.</param>
    /// <param name="pod">The pod's name.</param>
    public static bool SaysPodIsGone(TunnelFault? fault, string pod) => fault is not null && Read(fault, pod) == RefusalMeaning.PodIsGone;

    /// <summary>Whether it is the authorizer that refuses, and not an admission webhook. From 1.35 on the check of a WebSocket's second verb gives no reason.</summary>
    private static bool IsAboutRights(string message) =>
        message.Contains("resource \"pods/portforward\"", StringComparison.Ordinal) || message.EndsWith("is forbidden", StringComparison.Ordinal);
}
