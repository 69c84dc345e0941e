using System.Net;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Authentication;

/// <summary>
/// Sends every request with the user's credentials and as the user to act as, over connections that were made with the user's current
/// certificate. A 401 leads to one more try if the credentials can be renewed and the request has no body, which may have been used up.
/// </summary>
/// <param name="credentials">Where the credentials come from.</param>
/// <param name="impersonation">The user to act as.</param>
/// <param name="connect">Makes the transport for a client certificate.</param>
/// <param name="owner">Whose credentials they are, for messages.</param>
/// <param name="time">The clock.</param>
internal sealed class AuthenticatingHandler(
    ICredentialSource credentials, Impersonation impersonation, Func<ClientCertificate?, HttpMessageHandler> connect, string owner, TimeProvider time)
    : HttpMessageHandler
{
    private readonly Lock _gate = new();
    private readonly LoginNotice _notice = new(time);

    // The old ones are kept until the end: requests may be on their way through them. Certificates change by the hour at most.
    private readonly List<(ClientCertificate? Certificate, HttpMessageInvoker Invoker)> _transports = [];

    /// <summary>Called when a login is needed.</summary>
    public Action<LoginNeeded>? OnLoginNeeded { get; set; }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        Credential credential = await GetCredentialAsync(cancellationToken).ConfigureAwait(false);
        HttpResponseMessage response = await SendAsync(request, credential, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.Unauthorized && credentials.Discard(credential) && request.Content is null)
        {
            response.Dispose();
            credential = await GetCredentialAsync(cancellationToken).ConfigureAwait(false);
            response = await SendAsync(request, credential, cancellationToken).ConfigureAwait(false);
            if (response.StatusCode == HttpStatusCode.Unauthorized)
            {
                credentials.Discard(credential);
            }
        }

        TakeNote(response.StatusCode);
        return response;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            (credentials as IDisposable)?.Dispose();
            lock (_gate)
            {
                foreach ((_, HttpMessageInvoker invoker) in _transports)
                {
                    invoker.Dispose();
                }
            }
        }

        base.Dispose(disposing);
    }

    private Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, Credential credential, CancellationToken cancellationToken)
    {
        request.Headers.Remove("Authorization");
        if (credential.Authorization is { } authorization)
        {
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        foreach ((string name, IReadOnlyList<string> values) in impersonation.Headers)
        {
            RepeatedHeader.Set(request, name, values);
        }

        return Transport(credential.Certificate).SendAsync(request, cancellationToken);
    }

    /// <summary>Gets the credentials. It fails as a request fails, which is what its callers expect.</summary>
    private async ValueTask<Credential> GetCredentialAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await credentials.GetAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ClusterException e)
        {
            if (_notice.Fail())
            {
                Tell(e.Message, isOutage: e.InnerException is HttpRequestException or IOException or OperationCanceledException);
            }

            throw new HttpRequestException(e.Message, e);
        }
    }

    /// <summary>What an answer says about the credentials; a gateway's own answers say nothing.</summary>
    private void TakeNote(HttpStatusCode status)
    {
        if (status == HttpStatusCode.Unauthorized && _notice.Refuse())
        {
            Tell($"the server refuses the credentials of {owner} (401)");
        }
        else if (status is HttpStatusCode.SwitchingProtocols or HttpStatusCode.Forbidden or (>= HttpStatusCode.OK and < HttpStatusCode.Ambiguous))
        {
            _notice.Accept();
        }
    }

    private void Tell(string reason, bool isOutage = false)
    {
        const string Prefix = "Unable to connect to the server: ";
        string line = UntrustedText.OneLine(reason);
        OnLoginNeeded?.Invoke(new LoginNeeded(line.StartsWith(Prefix, StringComparison.Ordinal) ? line[Prefix.Length..] : line) { IsOutage = isOutage });
    }

    private HttpMessageInvoker Transport(ClientCertificate? certificate)
    {
        lock (_gate)
        {
            // While a certificate is being replaced, requests with the old and with the new one take turns.
            HttpMessageInvoker? invoker = _transports.Find(transport => ReferenceEquals(transport.Certificate, certificate)).Invoker;
            if (invoker is null)
            {
                invoker = new HttpMessageInvoker(connect(certificate));
                _transports.Add((certificate, invoker));
            }

            return invoker;
        }
    }
}
