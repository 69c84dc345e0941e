using System.Net;
using PortForward.Cluster;
using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cli.Output;

/// <summary>The reasons of events in JSON. Programs rely on them: a reason may be added, none is renamed.</summary>
internal static class Reasons
{
    public const string Usage = "usage";
    public const string NoPort = "no-port";
    public const string Run = "run";
    public const string Stopped = "stopped";
    public const string Unexpected = "unexpected";
    public const string OutputFailed = "stdout-failed";
    public const string AcceptFailed = "accept-failed";
    public const string OutOfDescriptors = "out-of-file-descriptors";
    public const string OpenToOthers = "open-to-other-machines";
    public const string Target = "target";
    public const string File = "file";
    public const string FileUsed = "file-used";

    /// <summary>The reason's name is older than that of <see cref="ConnectionEndKind.NoCompletionStatus"/>.</summary>
    private const string NoVerdict = "no-verdict";

    /// <summary>What the API server thinks of it, or that it is something else.</summary>
    public static string Of(ClusterException e) => e.StatusCode switch
    {
        null => "cluster",
        HttpStatusCode.Unauthorized => "unauthorized",
        HttpStatusCode.Forbidden => "forbidden",
        HttpStatusCode.NotFound => "not-found",
        HttpStatusCode.TooManyRequests => "too-many-requests",
        >= HttpStatusCode.InternalServerError => "server-error",
        _ => "refused",
    };

    public static string Of(ListenFailure failure) => failure switch
    {
        { InUse: true } => "address-in-use",
        { Denied: true } => "permission-denied",
        { NoSuchAddress: true } => "no-such-address",
        _ => "listen-failed",
    };

    public static string Of(ConnectionEnd end) => end switch
    {
        { Kind: ConnectionEndKind.PodFailed, PodMessage: { } message } when PodError.Classify(message) is var kind and not PodErrorKind.Unknown => StableName.Of(kind),
        { Kind: ConnectionEndKind.NoTunnel, Fault.Kind: TunnelFaultKind.NoPod } => StableName.Of(TunnelFaultKind.NoPod),
        { Kind: ConnectionEndKind.NoCompletionStatus } => NoVerdict,
        _ => StableName.Of(end.Kind),
    };

    public static string Of(TunnelFault fault) => StableName.Of(fault.Kind);
}
