using PortForward.Cluster.Api;
using PortForward.Tunnels;

namespace PortForward.Cluster;

/// <summary>Tells why there is no tunnel.</summary>
internal static class FaultText
{
    /// <summary>The exception for a fault, in the API server's words when it is the one who refused.</summary>
    /// <param name="fault">The fault.</param>
    /// <param name="pod">The pod to which no tunnel could be opened; empty if it is none in particular.</param>
    public static ClusterException Describe(TunnelFault fault, string pod = "")
    {
        bool othersMayWork = FallbackDialer.OtherTransportMayWork(fault, UpgradeRefusal.Read(fault, pod));
        if (fault.FailedTransport is { } transport)
        {
            return Advised(new ClusterException($"error upgrading connection: no transport works: {transport}: {OfTransport(fault)}", fault.Cause)
            {
                StatusCode = fault.StatusCode,
                Fault = fault,
                OtherTransportMayWork = othersMayWork,
            });
        }

        if (fault.StatusCode is { } status)
        {
            return Advised(new ClusterException(ApiStatus.Describe(status, fault.ReasonPhrase, fault.Body ?? ""))
            {
                IsVerbatim = true,
                StatusCode = status,
                Fault = fault,
                OtherTransportMayWork = othersMayWork,
            });
        }

        if (ClusterException.Find(fault.Cause) is { } told)
        {
            return told;
        }

        return fault.Kind is TunnelFaultKind.NoPod or TunnelFaultKind.Lost
            ? new ClusterException(fault.Message) { Fault = fault }
            : new ClusterException($"error upgrading connection: {fault.Message}", fault.Cause) { Fault = fault, OtherTransportMayWork = othersMayWork };

        ClusterException Advised(ClusterException described) => UpgradeRefusal.Advise(fault) is { } advice ? described.With($" ({advice})") : described;
    }

    /// <summary>Tells in one line why a transport does not work.</summary>
    public static string OfTransport(TunnelFault fault) => fault.StatusCode is { } status
        ? $"{(int)status} {ApiStatus.Read(status, fault.ReasonPhrase, fault.Body ?? "").Message}"
        : ClusterException.Find(fault.Cause)?.Message ?? fault.Message;
}
