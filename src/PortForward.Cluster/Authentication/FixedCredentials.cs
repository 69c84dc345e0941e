namespace PortForward.Cluster.Authentication;

/// <summary>Credentials that never change.</summary>
internal sealed class FixedCredentials(Credential credential) : ICredentialSource
{
    public ValueTask<Credential> GetAsync(CancellationToken cancellationToken) => ValueTask.FromResult(credential);

    public bool Discard(Credential refused) => false;
}
