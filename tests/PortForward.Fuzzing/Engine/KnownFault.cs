namespace PortForward.Fuzzing.Engine;

/// <summary>
/// A fault that is known and not mended yet. Mutations that show it are passed over. Once it is mended its test fails: then its line goes, and its input
/// moves from <c>Known</c> to <c>Corpus</c>.
/// </summary>
/// <param name="Target">The target's name.</param>
/// <param name="File">The input that shows it, below <c>Known/TARGET</c>.</param>
/// <param name="Signature">The beginning of the finding's signature.</param>
internal sealed record KnownFault(string Target, string File, string Signature)
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KnownFault> All { get; } =
    [
        // Half of a surrogate pair, or bytes that are no UTF-8, inside of a JSON text.
        new("ApiStatus", "lone-surrogate.hex", "InvalidOperationException in ApiStatus"),
        new("ApiObject", "lone-surrogate.txt", "InvalidOperationException in ApiStatus"),
        new("Watch", "lone-surrogate.txt", "InvalidOperationException in ApiStatus"),
        new("IdentityProvider", "lone-surrogate.hex", "InvalidOperationException in OidcIssuer"),
        new("IdentityProvider", "invalid-utf8.hex", "InvalidOperationException in OidcIssuer"),

        // Hosts that Uri takes at first, and refuses when it is asked for a part of the address or for the name to look up (IdnHost).
        new("ProxySettings", "host-that-is-none.hex", "UriFormatException in Proxy"),
        new("ProxySettings", "server-that-is-none.hex", "UriFormatException in ServerAddress"),
        new("Kubeconfig", "server-that-is-none.hex", "UriFormatException in ServerAddress"),

        // A watch that brings an event and then ends is begun again at once; pages may follow each other for ever.
        new("Watch", "event-then-expired.txt", "a server is not asked without pause"),
        new("Watch", "watches-that-end-at-once.txt", "a server is not asked without pause"),
        new("Watch", "endless-pages.txt", "a server is not asked without pause"),
        new("ApiObject", "endless-pages.txt", "a look-up takes a bounded number of requests"),

        // A refusal whose body breaks off is told as a broken answer, without its status.
        new("RetryAfter", "refusal-cut-off.hex", "a look-up ends with the server's refusal"),
    ];

    /// <summary>Whether a finding is this fault.</summary>
    public bool Explains(FuzzTarget target, Finding finding) => target.Name == Target && finding.Signature.StartsWith(Signature, StringComparison.Ordinal);

    public override string ToString() => $"{Target}/{File}";
}
