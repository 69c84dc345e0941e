using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Authentication;

/// <summary>A client certificate beside what another source says. If it is in files, they may be renewed while the program runs.</summary>
/// <param name="inner">Who says what the Authorization header is.</param>
/// <param name="first">The certificate.</param>
/// <param name="files">The files of certificate and key to check from time to time; null if it never changes.</param>
/// <param name="owner">Whose they are, for messages.</param>
/// <param name="time">The clock.</param>
internal sealed class CertifiedCredentials(
    ICredentialSource inner, ClientCertificate first, (string Certificate, string Key)? files, string owner, TimeProvider time) : ICredentialSource, IDisposable
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private ClientCertificate _current = first;
    private long _readAt = time.GetTimestamp();

    /// <inheritdoc/>
    public async ValueTask<Credential> GetAsync(CancellationToken cancellationToken)
    {
        Credential credential = await inner.GetAsync(cancellationToken).ConfigureAwait(false);
        return credential.With(Current());
    }

    /// <inheritdoc/>
    /// <remarks>The certificate may have expired, so its files are checked now.</remarks>
    public bool Discard(Credential refused)
    {
        bool isNew = inner.Discard(refused.Origin);
        lock (_gate)
        {
            Refresh();
            return isNew || !ReferenceEquals(_current, refused.Certificate);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => (inner as IDisposable)?.Dispose();

    private ClientCertificate Current()
    {
        lock (_gate)
        {
            if (time.GetElapsedTime(_readAt) >= MaxAge)
            {
                Refresh();
            }

            return _current;
        }
    }

    /// <summary>Checks the files. Called with the gate held.</summary>
    private void Refresh()
    {
        if (files is { } paths)
        {
            _current = Read(paths.Certificate, paths.Key) ?? _current;
            _readAt = time.GetTimestamp();
        }
    }

    /// <summary>The files' certificate; null if it is the one in use, or if one of the two may just be being replaced.</summary>
    private ClientCertificate? Read(string certificatePath, string keyPath)
    {
        try
        {
            byte[] certificate = LocalFile.ReadAllBytes(certificatePath, $"client-certificate of {owner}");
            byte[] key = LocalFile.ReadAllBytes(keyPath, $"client-key of {owner}");
            return _current.IsFrom(certificate, key) ? null : ClientCertificate.Load(certificate, key, owner);
        }
        catch (ClusterException)
        {
            return null;
        }
    }
}
