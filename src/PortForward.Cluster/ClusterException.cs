using System.Net;
using PortForward.Tunnels;

namespace PortForward.Cluster;

/// <summary>A fault on the cluster's side that a user can act on: one sentence that names the cause and the next step.</summary>
/// <remarks>A sentence may repeat what others wrote, such as names in a kubeconfig; what could rewrite the terminal is removed.</remarks>
public sealed class ClusterException : Exception
{
    /// <summary>A fault told in one sentence.</summary>
    /// <param name="message">The sentence, without a prefix such as "error: ".</param>
    public ClusterException(string message) : base(UntrustedText.Escaped(message, int.MaxValue)) { }

    /// <summary>A fault told in one sentence, with the exception that caused it.</summary>
    /// <param name="message">The sentence, without a prefix such as "error: ".</param>
    /// <param name="innerException">The cause, or null.</param>
    public ClusterException(string message, Exception? innerException) : base(UntrustedText.Escaped(message, int.MaxValue), innerException) { }

    /// <summary>Whether the message is a whole line in the server's own words, as kubectl prints it without the "error: " prefix.</summary>
    public bool IsVerbatim { get; init; }

    /// <summary>The HTTP status the API server answered with, or null when no answer came.</summary>
    public HttpStatusCode? StatusCode { get; init; }

    /// <summary>Whether the API server itself said that the requested object does not exist. A 404 alone does not tell: gateways answer with it too.</summary>
    public bool IsObjectMissing { get; init; }

    /// <summary>Why no tunnel could be opened, when it is the server or the tunnel itself that told; null otherwise.</summary>
    public TunnelFault? Fault { get; init; }

    /// <summary>Whether the target has no such port.</summary>
    internal bool IsPortMissing { get; init; }

    /// <summary>Whether another transport may work where those that may be used have failed.</summary>
    internal bool OtherTransportMayWork { get; init; }

    /// <summary>The same fault with more to say about it.</summary>
    /// <param name="more">What follows the message.</param>
    public ClusterException With(string more) => new(Message + more, this)
    {
        IsVerbatim = IsVerbatim,
        StatusCode = StatusCode,
        IsObjectMissing = IsObjectMissing,
        IsPortMissing = IsPortMissing,
        Fault = Fault,
        OtherTransportMayWork = OtherTransportMayWork,
    };

    /// <summary>The first of its kind among an exception and its causes; null if there is none.</summary>
    /// <param name="e">The exception, or null.</param>
    public static ClusterException? Find(Exception? e)
    {
        while (e is not null and not ClusterException)
        {
            e = e.InnerException;
        }

        return e as ClusterException;
    }
}
