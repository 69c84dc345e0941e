using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Authentication;

/// <summary>The <c>config</c> of an <c>auth-provider</c> named <c>oidc</c>. Its extra-scopes are for those who log in; refreshing sends none.</summary>
/// <remarks>It holds secrets, so it has no text form.</remarks>
internal sealed class OidcConfiguration
{
    /// <summary>The field with the token that goes to the API server.</summary>
    public const string IdTokenField = "id-token";

    /// <summary>The field with the token that goes to the identity provider.</summary>
    public const string RefreshTokenField = "refresh-token";

    private OidcConfiguration()
    {
    }

    /// <summary>The identity provider.</summary>
    public required Uri Issuer { get; init; }

    /// <summary>Who the program is to the identity provider.</summary>
    public required string ClientId { get; init; }

    /// <summary>Proves it; empty for a public client.</summary>
    public required string ClientSecret { get; init; }

    /// <summary>The authorities, in PEM, that the identity provider's certificate may come from; null for the system's.</summary>
    public required byte[]? Authority { get; init; }

    /// <summary>The tokens that the kubeconfig has.</summary>
    public required OidcTokens Tokens { get; init; }

    /// <summary>Reads a section, with client-go's validation.</summary>
    /// <exception cref="ClusterException">Something is missing or malformed.</exception>
    public static OidcConfiguration Read(ConfigMapping? config, string owner)
    {
        string issuer = Required("idp-issuer-url");
        return new OidcConfiguration
        {
            Issuer = HostUrl.TryParse(issuer, out Uri? uri) && uri.Scheme is "https" or "http"
                ? uri
                : throw Malformed("its idp-issuer-url is no http or https URL"),
            ClientId = Required("client-id"),
            ClientSecret = config?.Text("client-secret") ?? "",
            Authority = ReadAuthority(),
            Tokens = OidcTokens.Read(config),
        };

        string Required(string field) => config?.Text(field) ?? throw Malformed($"Must provide {field}");

        byte[]? ReadAuthority()
        {
            if (config?.Text("idp-certificate-authority-data") is not { } data)
            {
                return config?.Text("idp-certificate-authority") is { } path ? LocalFile.ReadAllBytes(path, $"the idp-certificate-authority of {owner}") : null;
            }

            try
            {
                return Convert.FromBase64String(data);
            }
            catch (FormatException)
            {
                throw Malformed("its idp-certificate-authority-data is no base64");
            }
        }

        ClusterException Malformed(string why) => new($"the auth provider oidc of {owner} in the kubeconfig cannot be used: {why}");
    }
}

/// <summary>What an identity provider has handed out.</summary>
/// <param name="IdToken">For the API server; null for none.</param>
/// <param name="RefreshToken">For getting others; null for none.</param>
/// <remarks>It holds secrets: its text form is empty.</remarks>
internal sealed record OidcTokens(string? IdToken, string? RefreshToken)
{
    /// <summary>Reads the tokens of a section.</summary>
    public static OidcTokens Read(ConfigMapping? config) => new(config?.Text(OidcConfiguration.IdTokenField), config?.Text(OidcConfiguration.RefreshTokenField));

    /// <inheritdoc/>
    public override string ToString() => nameof(OidcTokens);
}
