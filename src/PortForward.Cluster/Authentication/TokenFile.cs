using System.Text;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Authentication;

/// <summary>A token in a file that is renewed from time to time, as a pod's service account token is.</summary>
internal sealed class TokenFile(string path, TimeProvider time)
{
    /// <summary>How long a token is used before the file is read again: client-go's choice.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private string? _token;
    private long _readAt;

    /// <summary>The token.</summary>
    /// <exception cref="ClusterException">The file cannot be read or is empty.</exception>
    public string Read()
    {
        lock (_gate)
        {
            if (_token is null || time.GetElapsedTime(_readAt) >= MaxAge)
            {
                string token = Encoding.UTF8.GetString(LocalFile.ReadAllBytes(path, "the token file")).Trim();
                _token = token.Length > 0 ? token : throw new ClusterException($"the token file {path} is empty");
                _readAt = time.GetTimestamp();
            }

            return _token;
        }
    }
}
