using System.Text;

namespace PortForward.Cluster.Kubeconfig;

/// <summary>What a pod finds out about its own cluster: the files that the kubelet mounts, and the environment.</summary>
internal sealed class ServiceAccount
{
    private readonly LocalEnvironment _environment;

    private ServiceAccount(LocalEnvironment environment, string server)
    {
        _environment = environment;
        Server = server;
    }

    /// <summary>The API server's address.</summary>
    public string Server { get; }

    /// <summary>The file that the token is in; it is renewed from time to time.</summary>
    public string TokenFile => Path.Combine(_environment.ServiceAccountFolder, "token");

    /// <summary>The service account of the pod that the program runs in; null if it runs in none.</summary>
    public static ServiceAccount? Find(LocalEnvironment environment)
    {
        if (environment.Variable("KUBERNETES_SERVICE_HOST") is not { } host || environment.Variable("KUBERNETES_SERVICE_PORT") is not { } port)
        {
            return null;
        }

        var found = new ServiceAccount(environment, host.Contains(':') ? $"https://[{host}]:{port}" : $"https://{host}:{port}");
        return File.Exists(found.TokenFile) ? found : null;
    }

    /// <summary>The pod's namespace; null if nothing tells it.</summary>
    public string? Namespace()
    {
        string file = Path.Combine(_environment.ServiceAccountFolder, "namespace");
        return _environment.Variable("POD_NAMESPACE")
            ?? (File.Exists(file) && Encoding.UTF8.GetString(LocalFile.ReadAllBytes(file, "the service account's namespace")).Trim() is { Length: > 0 } name ? name : null);
    }

    /// <summary>The authorities that the API server's certificate may come from; null for the system's.</summary>
    public byte[]? CertificateAuthority()
    {
        string file = Path.Combine(_environment.ServiceAccountFolder, "ca.crt");
        return File.Exists(file) ? LocalFile.ReadAllBytes(file, "the service account's certificate authority") : null;
    }
}
