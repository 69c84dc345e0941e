namespace PortForward.Cluster.Authentication;

/// <summary>Supplies credentials, and new ones when they have expired.</summary>
internal interface ICredentialSource
{
    /// <summary>The credentials for the next request.</summary>
    /// <exception cref="ClusterException">They cannot be had.</exception>
    ValueTask<Credential> GetAsync(CancellationToken cancellationToken);

    /// <summary>Takes note that the server answered 401 to credentials.</summary>
    /// <param name="refused">The credentials.</param>
    /// <returns>Whether the next ones may be others, so that a second try makes sense.</returns>
    bool Discard(Credential refused);
}
