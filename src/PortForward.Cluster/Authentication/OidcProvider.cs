using Microsoft.Extensions.Logging;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Authentication;

/// <summary>
/// An identity provider's tokens (auth-provider <c>oidc</c>), as client-go handles them: the kubeconfig's while it is valid, else a new one,
/// which is written back to the kubeconfig, since the provider may accept a refresh token only once.
/// </summary>
internal sealed partial class OidcProvider : RenewedCredentials
{
    /// <summary>How long before its end a token is not used any more: client-go's choice.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(10);

    private readonly OidcIssuer _issuer;
    private readonly AuthProviderEntry _entry;
    private readonly string _owner;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private OidcTokens _seen;
    private OidcTokens _tokens;
    private volatile string? _refused;

    /// <summary>Reads a user's section; nobody is asked for anything yet.</summary>
    /// <exception cref="ClusterException">Something is missing or malformed.</exception>
    public OidcProvider(CredentialRequest request, Entry user, ConfigMapping provider) : base(request.Time, request.Clients)
    {
        var configuration = OidcConfiguration.Read(provider.Fields.GetValueOrDefault("config") as ConfigMapping, user.Label);
        _issuer = new OidcIssuer(configuration, request.Environment, user.Label, request.Time);
        _entry = new AuthProviderEntry(user.File, user.Name, request.Time);
        _owner = user.Label;
        _time = request.Time;
        _logger = request.Loggers.CreateLogger<OidcProvider>();
        _tokens = _seen = configuration.Tokens;
    }

    /// <inheritdoc/>
    protected override bool OnRefused(Credential refused)
    {
        OidcTokens tokens = _tokens;
        if (tokens.RefreshToken is null)
        {
            return false;
        }

        LogRefused(_owner);
        _refused = tokens.IdToken;
        return true;
    }

    /// <inheritdoc/>
    protected override Lease? Find()
    {
        if (Usable() is { } given)
        {
            return given;
        }

        // kubectl, or another pf, may have been here: what it wrote is newer than what is known here.
        if (_entry.Read() is { } config && OidcTokens.Read(config) is var now && now != _seen)
        {
            _tokens = _seen = now;
            return Usable();
        }

        return null;
    }

    /// <inheritdoc/>
    protected override async Task<Lease> FetchAsync(CancellationToken cancellationToken)
    {
        string refreshToken = _tokens.RefreshToken
            ?? throw new ClusterException($"Unable to connect to the server: No valid id-token, and cannot refresh without refresh-token: log in again, or add one to {_owner} in the kubeconfig") { IsVerbatim = true };
        OidcTokens renewed = await _issuer.RefreshAsync(refreshToken, cancellationToken).ConfigureAwait(false);
        Lease lease = LeaseOf(renewed.IdToken!) ?? throw new ClusterException($"Unable to connect to the server: the identity provider of {_owner} gave an id_token that is no JWT") { IsVerbatim = true };
        LogRenewed(_owner, lease.Until);
        _tokens = renewed;
        await SaveAsync(renewed).ConfigureAwait(false);
        return lease;
    }

    /// <summary>The token at hand, if it is worth showing.</summary>
    private Lease? Usable() =>
        _tokens.IdToken is { } token && token != _refused && LeaseOf(token) is { } lease && lease.Until > _time.GetUtcNow() ? lease : null;

    /// <summary>A token and how long it will be used; null if it is none.</summary>
    private Lease? LeaseOf(string token) => IdToken.Expiration(token) is { } expiration
        ? new Lease(new Credential(Credential.Bearer(token, _owner), certificate: null), expiration - DateTimeOffset.MinValue > Slack ? expiration - Slack : expiration)
        : null;

    private async Task SaveAsync(OidcTokens renewed)
    {
        List<KeyValuePair<string, string>> values = [KeyValuePair.Create(OidcConfiguration.IdTokenField, renewed.IdToken!)];
        if (renewed.RefreshToken is { } other && other != _seen.RefreshToken)
        {
            values.Add(KeyValuePair.Create(OidcConfiguration.RefreshTokenField, other));
        }

        try
        {
            // Not to be cancelled: the provider may have invalidated the old refresh token.
            await _entry.WriteAsync(values, CancellationToken.None).ConfigureAwait(false);
            _seen = renewed;
        }
        catch (ClusterException e)
        {
            LogNotSaved(_owner, e.Message);
        }
    }
}
