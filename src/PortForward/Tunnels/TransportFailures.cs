using System.Net;

namespace PortForward.Tunnels;

/// <summary>Decides what the failures of transports mean: whether another one is to be tried, and in the end which reason to tell.</summary>
internal static class TransportFailures
{
    /// <summary>
    /// Whether another transport may work where one has failed of this. A server that refuses one upgrade, with whatever status, may accept another; one that
    /// cannot be reached says nothing to any of them, and a pod that does not exist is reached by none.
    /// </summary>
    public static bool OtherMayWork(TransportFailure failure) =>
        failure.Fault.Kind is TunnelFaultKind.BadUpgrade or TunnelFaultKind.Refused && failure.Meaning != RefusalMeaning.PodIsGone;

    /// <summary>
    /// Whether a fault shows that a transport does not work here, so that another one is to be the first choice. A cut, or a status that comes and goes, may be a server
    /// that is being restarted, a gateway without its backend, or a single broken node.
    /// </summary>
    public static bool IsLasting(TunnelFault fault) => fault.Cause is null && !MayPass(fault);

    /// <summary>The one reason to tell of a dial for which no transport has worked.</summary>
    /// <param name="failures">The failures in the order of the attempts; at least one. The last one has ended the dial.</param>
    public static TunnelFault Combine(IReadOnlyList<TransportFailure> failures)
    {
        TransportFailure last = failures[^1];
        if (failures.Count == 1 || last.Meaning == RefusalMeaning.PodIsGone)
        {
            return last.Fault;
        }

        // Alike for all, or for want of a right: SPDY's answer is kubectl's, and names the verb that every version asks for.
        if (failures.All(failure => failure.Meaning == RefusalMeaning.MissingRight) || failures.All(failure => IsSameAnswer(failure.Fault, last.Fault)))
        {
            TransportFailure spdy = failures.FirstOrDefault(failure => failure.Transport == SpdyUpgradeDialer.Name);
            return (spdy.Fault ?? failures[0].Fault) with { RetryAfter = failures.Max(failure => failure.Fault.RetryAfter) };
        }

        TransportFailure telling = failures.OrderByDescending(failure => Weight(failure.Meaning)).First();
        return telling.Fault with
        {
            Kind = OtherMayWork(last) ? KindOf(failures) : last.Fault.Kind,
            FailedTransport = telling.Transport,
            RetryAfter = failures.Max(failure => failure.Fault.RetryAfter),
        };
    }

    /// <summary>A pod behind a dead node, or a gateway without its backend, answers each transport in its own way: whoever has another pod wants to know.</summary>
    private static TunnelFaultKind KindOf(IReadOnlyList<TransportFailure> failures) =>
        failures.All(failure => MayPass(failure.Fault)) ? TunnelFaultKind.Refused : TunnelFaultKind.BadUpgrade;

    private static bool MayPass(TunnelFault fault) =>
        fault is
        {
            Kind: TunnelFaultKind.Refused,
            StatusCode: HttpStatusCode.Unauthorized or HttpStatusCode.NotFound or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError,
        };

    private static bool IsSameAnswer(TunnelFault one, TunnelFault other) =>
        one.Kind == TunnelFaultKind.Refused && other.Kind == TunnelFaultKind.Refused && one.StatusCode == other.StatusCode && one.Body == other.Body;

    private static int Weight(RefusalMeaning meaning) => meaning switch
    {
        RefusalMeaning.NotOffered => 0,
        RefusalMeaning.Unknown => 1,
        _ => 2,
    };
}
