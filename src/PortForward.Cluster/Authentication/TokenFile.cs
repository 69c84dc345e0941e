using System.Text;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Authentication;

/// <summary>A token in a file that is renewed from time to time, as a pod's service account token is.</summary>
/// <param name="path">The file.</param>
/// <param name="fallback">The token to use as long as the file could not be read; null for none.</param>
/// <param name="owner">Whose it is, for messages.</param>
/// <param name="time">The clock.</param>
internal sealed class TokenFile(string path, string? fallback, string owner, TimeProvider time) : ICredentialSource
{
    /// <summary>How long a token is used before the file is read again: client-go's choice.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private Credential? _current;
    private long _readAt;

    /// <inheritdoc/>
    public ValueTask<Credential> GetAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_current is null || time.GetElapsedTime(_readAt) >= MaxAge)
            {
                _current = Read();
                _readAt = time.GetTimestamp();
            }

            return ValueTask.FromResult(_current);
        }
    }

    /// <inheritdoc/>
    public bool Discard(Credential refused)
    {
        lock (_gate)
        {
            string? before = refused.Authorization;
            _current = Read();
            _readAt = time.GetTimestamp();
            return _current.Authorization != before;
        }
    }

    /// <summary>The file's token; when it cannot be read, the last one that could, as for client-go: it may just be being written.</summary>
    private Credential Read()
    {
        try
        {
            string token = Encoding.UTF8.GetString(LocalFile.ReadAllBytes(path, $"the token file of {owner}")).Trim();
            return token.Length > 0
                ? new Credential(Credential.Bearer(token, owner), certificate: null)
                : throw new ClusterException($"the token file {path} of {owner} is empty");
        }
        catch (ClusterException) when (_current is not null)
        {
            return _current;
        }
        catch (ClusterException) when (fallback is not null)
        {
            return new Credential(Credential.Bearer(fallback, owner), certificate: null);
        }
    }
}
