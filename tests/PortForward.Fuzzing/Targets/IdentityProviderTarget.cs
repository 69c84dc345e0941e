using PortForward.Cluster;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Kubeconfig;
using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Support;

namespace PortForward.Fuzzing.Targets;

/// <summary>What an identity provider answers: first where tokens are to be had, then the tokens. Secrets that it is shown are not repeated.</summary>
internal sealed class IdentityProviderTarget : FuzzTarget
{
    private const string RefreshToken = "r3fr3sh-t0ken";
    private const string ClientSecret = "cl13nt-s3cr3t";

    private static readonly ConfigMapping Config = (ConfigMapping)ConfigReader.Read(
        $"{{idp-issuer-url: 'http://idp.test/realm', client-id: pf, client-secret: {ClientSecret}, refresh-token: {RefreshToken}}}")!;

    public override int Mutations => 300;

    public override IReadOnlyList<byte[]> Dictionary { get; } = Words(
        "> 200 OK\n\n", "> 400 Bad Request\n\n", "> 302 Found\nLocation: http://idp.test/elsewhere\n\n", "> 500 \n\n", "{\"token_endpoint\":\"http://idp.test/token\"}", "\"id_token\":\"a.eyJleHAiOjF9.c\"",
        "\"refresh_token\":\"x\"", "{\"error\":\"invalid_grant\"", "\"error_description\":\"no\"", "http://user:pass@idp.test/x?y#z", "https://idp.test", "eyJleHAiOjFlOTk5fQ", "\\ud800", "\\u001b");

    public override async Task RunAsync(FuzzInput input)
    {
        // Whatever address is named, the connection leads to the loopback: as the proxy, or as the address itself, which then is one.
        await using var server = new LoopbackServer([.. AnswerScript.Read(input).Select(answer => answer.ToHttp())]);
        string proxy = $"http://127.0.0.1:{server.Port}";
        var configuration = OidcConfiguration.Read(Config, "user \"u\"");
        var issuer = new OidcIssuer(configuration, ScratchFolder.Environment(("HTTP_PROXY", proxy), ("HTTPS_PROXY", proxy)), "user \"u\"", TimeProvider.System);
        try
        {
            OidcTokens tokens = await issuer.RefreshAsync(RefreshToken, CancellationToken.None);
            _ = IdToken.Expiration(tokens.IdToken!);
            _ = Credential.Bearer(tokens.IdToken!, "user \"u\"");
        }
        catch (ClusterException e)
        {
            Require.Message(e.Message);
            foreach (string secret in (string[])[RefreshToken, ClientSecret])
            {
                // The corpus repeats it where a provider explains itself. Moved elsewhere it may be an address, which a message names.
                if (!input.IsRearranged || !input.Text.Contains(secret, StringComparison.Ordinal))
                {
                    Require.Hidden(secret, e.ToString());
                }
            }
        }

        Require.That(server.Connections <= 60, "a refresh takes a bounded number of requests", $"{server.Connections}");
    }
}
