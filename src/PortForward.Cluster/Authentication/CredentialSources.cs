using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Authentication;

/// <summary>Finds out how a user proves who they are, in client-go's order of precedence; the command line goes before the kubeconfig.</summary>
internal static class CredentialSources
{
    /// <summary>Chooses the source. Nothing is run or asked for yet.</summary>
    /// <exception cref="ClusterException">The credentials are incomplete, contradict each other, or cannot be read.</exception>
    public static ICredentialSource Resolve(CredentialRequest request)
    {
        ClusterOverrides flags = request.Overrides;
        Entry? user = request.User;
        string? token = flags.Token ?? user?.Text("token");
        string? tokenFile = flags.Token is null ? user?.FilePath("tokenFile") ?? request.ServiceAccount?.TokenFile : null;
        string? username = flags.Username ?? user?.Text("username");
        string? password = flags.Password ?? user?.Text("password");
        bool hasBasic = (username ?? password) is not null;
        if ((token ?? tokenFile) is not null && hasBasic)
        {
            throw Entry.Invalid($"more than one authentication method found for {request.UserName}; found [token basicAuth], only one is allowed");
        }

        ConfigMapping? exec = user?.Mapping("exec");
        ConfigMapping? provider = user?.Mapping("auth-provider");
        if (exec is not null && provider is not null)
        {
            throw Entry.Invalid($"authProvider cannot be provided in combination with an exec plugin for {request.UserName}");
        }

        ExecConfiguration? plugin = exec is null ? null : ExecConfiguration.Read(user!, exec);
        CertificatePair? certificate = CertificatePair.Find(request);
        if (!request.Server.IsSecure)
        {
            // Whoever listens on the way would learn them; kubectl does not send them either.
            return new FixedCredentials(new Credential(request.Server.User?.Basic, certificate: null));
        }

        ICredentialSource source = tokenFile is not null ? new TokenFile(tokenFile, token, request.Owner, request.Time)
            : token is not null ? Fixed(Credential.Bearer(token, request.Owner))
            : username is not null ? Fixed(Credential.Basic(username, password ?? ""))
            : provider is not null ? AuthProvider(request, user!, provider)
            : plugin is not null && certificate is null ? new ExecPlugin(plugin, request)
            : Fixed(request.Server.User?.Basic); // As Go's HTTP client does when nothing else says who asks.
        return certificate?.Beside(source) ?? source;
    }

    private static FixedCredentials Fixed(string? authorization) => new(authorization is null ? Credential.None : new Credential(authorization, certificate: null));

    private static OidcProvider AuthProvider(CredentialRequest request, Entry user, ConfigMapping provider) => provider.Text("name") switch
    {
        "oidc" => new OidcProvider(request, user, provider),
        "gcp" => throw new ClusterException($"The gcp auth plugin, which {request.Owner} in the kubeconfig uses, has been removed: install gke-gcloud-auth-plugin and run gcloud container clusters get-credentials again"),
        "azure" => throw new ClusterException($"The azure auth plugin, which {request.Owner} in the kubeconfig uses, has been removed: install https://github.com/Azure/kubelogin and run kubelogin convert-kubeconfig"),
        var name => throw new ClusterException($"no Auth Provider found for name \"{name}\", which {request.Owner} in the kubeconfig uses: pass a --token, or use a credential plug-in (exec)"),
    };
}
