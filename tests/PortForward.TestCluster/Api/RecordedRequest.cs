namespace PortForward.Testing.Api;

/// <summary>A request that reached the API server.</summary>
/// <param name="Method">The HTTP method.</param>
/// <param name="Path">The path without the query, and without the prefix of the whole API.</param>
/// <param name="Query">The query with its question mark, or nothing.</param>
/// <param name="Headers">The header fields; Authorization shows only its scheme and a fingerprint of the rest.</param>
/// <param name="Protocol">HTTP/1.1 or HTTP/2.</param>
/// <param name="ConnectionId">The same for requests over one TCP connection.</param>
public sealed record RecordedRequest(
    string Method, string Path, string Query, IReadOnlyDictionary<string, IReadOnlyList<string>> Headers, string Protocol, string ConnectionId)
{
    /// <summary>The prefix of the whole API under which the request came, or nothing.</summary>
    public string PathPrefix { get; init; } = "";

    /// <summary>Whose request it was (after impersonation), or null for nobody known.</summary>
    public string? User { get; internal set; }

    /// <summary>The answer's status; 0 until there is one, or when the connection was cut instead.</summary>
    public int Status { get; internal set; }

    /// <summary>Whether this is a request for a port-forward upgrade.</summary>
    public bool IsPortForward => Path.EndsWith("/portforward", StringComparison.Ordinal);

    /// <inheritdoc />
    public override string ToString() => $"{Method} {Path}{Query} -> {Status}";
}
