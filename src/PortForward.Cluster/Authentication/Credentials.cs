using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Authentication;

/// <summary>How the user proves who they are: a client certificate in the TLS handshake, an Authorization header, both or neither.</summary>
/// <remarks>It holds secrets, so it has no text form.</remarks>
internal sealed class Credentials
{
    private readonly Func<CancellationToken, ValueTask<string?>> _authorization;

    private Credentials(ClientCertificate? certificate, Func<CancellationToken, ValueTask<string?>> authorization)
    {
        Certificate = certificate;
        _authorization = authorization;
    }

    /// <summary>The client certificate, or null.</summary>
    public ClientCertificate? Certificate { get; }

    /// <summary>The value of the Authorization header for the next request, or null for none.</summary>
    /// <exception cref="ClusterException">It cannot be had.</exception>
    public ValueTask<string?> AuthorizationAsync(CancellationToken cancellationToken) => _authorization(cancellationToken);

    /// <summary>Reads a user's credentials; the command line goes before the kubeconfig.</summary>
    /// <exception cref="ClusterException">They are incomplete, contradict each other, or cannot be read.</exception>
    public static Credentials Resolve(Entry? user, ClusterOverrides overrides, TimeProvider time)
    {
        byte[]? certificate = Read(overrides.ClientCertificate, "--client-certificate") ?? user?.Bytes("client-certificate");
        byte[]? key = Read(overrides.ClientKey, "--client-key") ?? user?.Bytes("client-key");
        ClientCertificate? loaded = (certificate, key) switch
        {
            (null, null) => null,
            (not null, null) => throw new ClusterException($"{Owner()} has a client certificate without its key: give client-key too"),
            (null, not null) => throw new ClusterException($"{Owner()} has a client key without its certificate: give client-certificate too"),
            _ => ClientCertificate.Load(certificate, key, Owner()),
        };

        bool commandLine = overrides.Token is not null || overrides.Username is not null;
        string? token = commandLine ? overrides.Token : user?.Text("token");
        string? tokenFile = commandLine ? null : user?.FilePath("tokenFile");
        string? username = commandLine ? overrides.Username : user?.Text("username");
        if ((token ?? tokenFile) is not null && username is not null)
        {
            throw new ClusterException($"{Owner()} has both a token and a user name with password: keep one of them");
        }

        if (token is null && tokenFile is null && username is null && loaded is null && user is not null)
        {
            RefuseUnsupported(user);
        }

        // client-go too prefers the file, which is renewed by whoever issues the token.
        if (tokenFile is not null)
        {
            var file = new TokenFile(tokenFile, time);
            return new Credentials(loaded, _ => ValueTask.FromResult<string?>($"Bearer {file.Read()}"));
        }

        string? header = token is not null ? $"Bearer {token}"
            : username is not null ? BasicHeader(username, (commandLine ? overrides.Password : user!.Text("password")) ?? "")
            : null;
        return new Credentials(loaded, _ => ValueTask.FromResult(header));

        string Owner() => user?.Label ?? "the command line";
    }

    private static byte[]? Read(string? path, string flag) => string.IsNullOrEmpty(path) ? null : LocalFile.ReadAllBytes(path, flag);

    private static string BasicHeader(string username, string password) =>
        $"Basic {Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{username}:{password}"))}";

    /// <summary>Says what this program cannot do yet, rather than to go on without credentials and be told "Unauthorized".</summary>
    private static void RefuseUnsupported(Entry user)
    {
        foreach (string field in (string[])["exec", "auth-provider"])
        {
            if (user.Has(field))
            {
                throw new ClusterException($"{user.Label} in the kubeconfig gets its credentials from {field}, which pf does not support yet: pass a --token");
            }
        }
    }
}
