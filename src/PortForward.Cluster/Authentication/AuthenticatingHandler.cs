namespace PortForward.Cluster.Authentication;

/// <summary>Adds the user's Authorization header to every request.</summary>
internal sealed class AuthenticatingHandler(Credentials credentials, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (await credentials.AuthorizationAsync(cancellationToken).ConfigureAwait(false) is { } authorization)
        {
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
    }
}
