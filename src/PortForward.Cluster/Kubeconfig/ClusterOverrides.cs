namespace PortForward.Cluster.Kubeconfig;

/// <summary>What the command line says about the cluster; null leaves it to the kubeconfig.</summary>
/// <remarks>It holds secrets: its text form is empty.</remarks>
public sealed record ClusterOverrides
{
    /// <summary><c>--context</c>.</summary>
    public string? Context { get; init; }

    /// <summary><c>--cluster</c>.</summary>
    public string? Cluster { get; init; }

    /// <summary><c>--user</c>.</summary>
    public string? User { get; init; }

    /// <summary><c>--namespace</c>.</summary>
    public string? Namespace { get; init; }

    /// <summary><c>--server</c>. It takes the kubeconfig's tls-server-name out of effect, as for kubectl.</summary>
    public string? Server { get; init; }

    /// <summary><c>--tls-server-name</c>.</summary>
    public string? TlsServerName { get; init; }

    /// <summary><c>--insecure-skip-tls-verify</c>.</summary>
    public bool InsecureSkipTlsVerify { get; init; }

    /// <summary><c>--certificate-authority</c>, a path.</summary>
    public string? CertificateAuthority { get; init; }

    /// <summary><c>--client-certificate</c>, a path.</summary>
    public string? ClientCertificate { get; init; }

    /// <summary><c>--client-key</c>, a path.</summary>
    public string? ClientKey { get; init; }

    /// <summary><c>--token</c>.</summary>
    public string? Token { get; init; }

    /// <summary><c>--username</c>.</summary>
    public string? Username { get; init; }

    /// <summary><c>--password</c>.</summary>
    public string? Password { get; init; }

    /// <summary><c>--as</c>: the user to act as.</summary>
    public string? As { get; init; }

    /// <summary><c>--as-uid</c>.</summary>
    public string? AsUid { get; init; }

    /// <summary><c>--as-group</c>; if there are any, those of the kubeconfig do not count.</summary>
    public IReadOnlyList<string> AsGroups { get; init; } = [];

    /// <summary><c>--as-user-extra</c>, key and value; a key may come more than once. A key that is here does not count in the kubeconfig.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> AsUserExtra { get; init; } = [];

    /// <summary>How long a look-up or the opening of a tunnel may take (<c>--request-timeout</c>); zero for no limit, null if nothing is said about it.</summary>
    public TimeSpan? RequestTimeout { get; init; }

    /// <summary>
    /// Whether the process does nothing else, so that what this configuration does not need may be left out for good: the system's certificate store,
    /// when the kubeconfig names the only authority to trust. False by default.
    /// </summary>
    public bool OwnsProcess { get; init; }

    /// <inheritdoc/>
    public override string ToString() => nameof(ClusterOverrides);
}
