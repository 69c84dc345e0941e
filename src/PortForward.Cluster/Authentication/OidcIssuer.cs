using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Authentication;

/// <summary>An identity provider, which is asked for new tokens (OpenID Connect Core 1.0, section 12).</summary>
/// <param name="configuration">Where it is and who asks.</param>
/// <param name="environment">Where the program runs; it says which proxy to use.</param>
/// <param name="owner">Whose tokens they are, for messages.</param>
/// <param name="time">The clock for limits.</param>
internal sealed class OidcIssuer(OidcConfiguration configuration, LocalEnvironment environment, string owner, TimeProvider time)
{
    /// <summary>client-go has no limit, and hangs; discovery and both attempts to refresh fit into this one.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>As in Go: neither a discovery document nor tokens come near it.</summary>
    private const int MaxAnswer = 1024 * 1024;

    private readonly ServerTrust _trust = configuration.Authority is { } pem ? ServerTrust.Pool(pem, $"the identity provider of {owner}") : ServerTrust.System;

    /// <summary>Asks for new tokens.</summary>
    /// <returns>The new tokens; the refresh token is the old one unless there is another.</returns>
    /// <exception cref="ClusterException">There are none; the message says why, without any token.</exception>
    public async Task<OidcTokens> RefreshAsync(string refreshToken, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            Uri endpoint = await DiscoverAsync(either.Token).ConfigureAwait(false);
            Answer answer = await PostAsync(endpoint, refreshToken, inBody: false, either.Token).ConfigureAwait(false);
            if (!answer.IsSuccess)
            {
                // RFC 6749, section 2.3.1: both ways are in use, and nothing tells which one a provider wants.
                answer = await PostAsync(endpoint, refreshToken, inBody: true, either.Token).ConfigureAwait(false);
            }

            return Tokens(answer, endpoint, refreshToken);
        }
        catch (HttpRequestException e)
        {
            throw Unable($"{Place(configuration.Issuer)}: {Reason(e)}", e);
        }
        catch (IOException e)
        {
            throw Unable($"{Place(configuration.Issuer)}: {UntrustedText.OneLine(e.Message)}", e);
        }
        catch (UriFormatException e)
        {
            // So .NET tells of a Location that is none.
            throw Unable($"{Place(configuration.Issuer)} names an address that is none", e);
        }
        catch (OperationCanceledException e) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw Unable($"{Place(configuration.Issuer)} did not answer within {Limit.TotalSeconds:0} s", e);
        }
    }

    /// <summary>Where tokens are to be had (OpenID Connect Discovery 1.0, section 4).</summary>
    private async Task<Uri> DiscoverAsync(CancellationToken cancellationToken)
    {
        var metadata = new Uri($"{configuration.Issuer.AbsoluteUri.TrimEnd('/')}/.well-known/openid-configuration");
        using var request = new HttpRequestMessage(HttpMethod.Get, metadata);
        Answer answer = await SendAsync(request, followsRedirects: true, cancellationToken).ConfigureAwait(false);
        if (answer.Status != HttpStatusCode.OK)
        {
            throw Unable($"{Place(metadata)} answered {(int)answer.Status}");
        }

        JsonElement document = answer.Json ?? throw Unable($"{Place(metadata)} is no JSON document");
        string? endpoint = Text(document, "token_endpoint");
        if (!HostUrl.TryParse(endpoint, out Uri? uri) || uri.Scheme is not ("https" or "http"))
        {
            throw Unable($"{Place(metadata)} names no token_endpoint");
        }

        return uri.Scheme == Uri.UriSchemeHttps || configuration.Issuer.Scheme == Uri.UriSchemeHttp
            ? uri
            : throw Unable($"{Place(metadata)} names a token_endpoint without TLS, which is not sent any token");
    }

    private async Task<Answer> PostAsync(Uri endpoint, string refreshToken, bool inBody, CancellationToken cancellationToken)
    {
        List<KeyValuePair<string, string>> form = [KeyValuePair.Create("grant_type", "refresh_token"), KeyValuePair.Create("refresh_token", refreshToken)];
        using var request = new HttpRequestMessage(HttpMethod.Post, endpoint);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (!inBody)
        {
            request.Headers.TryAddWithoutValidation("Authorization", Credential.Basic(FormEncode(configuration.ClientId), FormEncode(configuration.ClientSecret)));
        }
        else
        {
            form.Add(KeyValuePair.Create("client_id", configuration.ClientId));
            if (configuration.ClientSecret.Length > 0)
            {
                form.Add(KeyValuePair.Create("client_secret", configuration.ClientSecret));
            }
        }

        request.Content = new FormUrlEncodedContent(form);
        return await SendAsync(request, followsRedirects: false, cancellationToken).ConfigureAwait(false);
    }

    private OidcTokens Tokens(Answer answer, Uri endpoint, string refreshToken)
    {
        if (!answer.IsSuccess)
        {
            string hint = answer.Status is HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized ? ": log in again" : "";
            throw Unable($"{Place(endpoint)} answered {(int)answer.Status}{Explanation(answer.Json, refreshToken)}{hint}");
        }

        if (answer.Json is not { } document)
        {
            throw Unable($"{Place(endpoint)} answered with no JSON document");
        }

        return Text(document, "id_token") is { } token
            ? new OidcTokens(token, Text(document, "refresh_token") ?? refreshToken)
            : throw Unable("token response did not contain an id_token, either the scope \"openid\" wasn't requested upon login, or the provider doesn't support id_tokens as part of the refresh response");
    }

    /// <summary>What the provider says is wrong (RFC 6749, section 5.2), unless it repeats a secret.</summary>
    private string Explanation(JsonElement? answer, string refreshToken)
    {
        string said = answer is { } document ? string.Join(": ", new[] { Text(document, "error"), Text(document, "error_description") }.OfType<string>()) : "";
        bool isSafe = !said.Contains(refreshToken, StringComparison.Ordinal)
            && (configuration.ClientSecret.Length == 0 || !said.Contains(configuration.ClientSecret, StringComparison.Ordinal));
        return said.Length > 0 && isSafe ? $" ({UntrustedText.OneLine(said)})" : "";
    }

    private async Task<Answer> SendAsync(HttpRequestMessage request, bool followsRedirects, CancellationToken cancellationToken)
    {
        Uri uri = request.RequestUri!;
        var dialer = new ServerDialer { Trust = _trust, Proxy = ProxyEnvironment.Find(uri, environment), Time = time };
        using var http = new HttpMessageInvoker(HttpTransport.Create(dialer, uri, warm: null, followsRedirects));
        request.Version = HttpVersion.Version11;
        using HttpResponseMessage response = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        return new Answer(response.StatusCode, response.IsSuccessStatusCode, await ReadJsonAsync(body, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>The object in an answer; null if it is something else, which is not repeated since it may hold a token.</summary>
    private static async Task<JsonElement?> ReadJsonAsync(Stream body, CancellationToken cancellationToken)
    {
        byte[] content = new byte[MaxAnswer];
        int length = await body.ReadAtLeastAsync(content, content.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        try
        {
            using var document = JsonDocument.Parse(content.AsMemory(0, length));
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? Text(JsonElement element, string name) =>
        JsonFields.Text(element, name) is { Length: > 0 } text ? text : null;

    /// <summary>As Go's url.QueryEscape, which golang.org/x/oauth2 applies to both parts.</summary>
    private static string FormEncode(string text) => Uri.EscapeDataString(text).Replace("%20", "+", StringComparison.Ordinal);

    /// <summary>An address without user and password.</summary>
    private static string Place(Uri uri) => uri.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    private static string Reason(HttpRequestException fault)
    {
        const string Prefix = "Unable to connect to the server: ";
        string reason = (fault.InnerException as ClusterException)?.Message ?? UntrustedText.OneLine(fault.Message);
        return reason.StartsWith(Prefix, StringComparison.Ordinal) ? reason[Prefix.Length..] : reason;
    }

    private ClusterException Unable(string why, Exception? cause = null) =>
        new($"Unable to connect to the server: failed to refresh token of {owner}: {why}", cause) { IsVerbatim = true };

    /// <summary>What came back. It may hold secrets: its text form is empty.</summary>
    private sealed record Answer(HttpStatusCode Status, bool IsSuccess, JsonElement? Json)
    {
        /// <inheritdoc/>
        public override string ToString() => nameof(Answer);
    }
}
