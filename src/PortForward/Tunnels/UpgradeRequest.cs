using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace PortForward.Tunnels;

/// <summary>An HTTP/1.1 upgrade: what the transports' dialers have in common.</summary>
internal static class UpgradeRequest
{
    private const int MaxBody = 64 * 1024;

    /// <summary>How long the body of a refusal may take. Its status is known already, and must not be lost to the dial's own limits.</summary>
    private static readonly TimeSpan BodyTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Makes a request an upgrade to a protocol. Upgrades exist in HTTP/1.1 only.</summary>
    public static void Prepare(HttpRequestMessage request, string protocol)
    {
        request.Version = HttpVersion.Version11;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        request.Headers.Connection.Add("Upgrade");
        request.Headers.TryAddWithoutValidation("Upgrade", protocol);
    }

    /// <summary>Sends an upgrade and checks the answer.</summary>
    /// <param name="invoker">Sends the request.</param>
    /// <param name="request">A request made by <see cref="Prepare"/>.</param>
    /// <param name="check">Says what is wrong with a 101, or null.</param>
    /// <param name="options">The limits.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public static async Task<Attempt<Stream>> SendAsync(
        HttpMessageInvoker invoker,
        HttpRequestMessage request,
        Func<HttpResponseMessage, string?> check,
        TunnelDialOptions options,
        CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(options.AnswerTimeout, options.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            // On success the response is left undisposed: its content is the connection from now on.
            HttpResponseMessage response = await invoker.SendAsync(request, either.Token).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.SwitchingProtocols)
            {
                using (response)
                {
                    return new Attempt<Stream>(await ReadRefusalAsync(response, options.Time, either.Token, cancellationToken).ConfigureAwait(false));
                }
            }

            if (check(response) is { } wrong)
            {
                response.Dispose();
                return new Attempt<Stream>(new TunnelFault(TunnelFaultKind.BadUpgrade, wrong));
            }

            // It is there already. A cancellation here would leave the connection without an owner.
            return new Attempt<Stream>(await response.Content.ReadAsStreamAsync(CancellationToken.None).ConfigureAwait(false));
        }
        catch (HttpRequestException e) when (IsCutOff(e))
        {
            string reason = UntrustedText.OneLine(Innermost(e).Message);
            return new Attempt<Stream>(new TunnelFault(TunnelFaultKind.BadUpgrade, $"the connection was cut before the upgrade was answered ({reason})") { Cause = e });
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return new Attempt<Stream>(new TunnelFault(TunnelFaultKind.Unreachable, UntrustedText.OneLine(Innermost(e).Message)) { Cause = e });
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            // A limit that the transport has set for itself, as for its dial, shows as a cancellation too.
            return new Attempt<Stream>(new TunnelFault(
                TunnelFaultKind.TimedOut,
                limit.IsCancellationRequested
                    ? $"the server at {request.RequestUri!.Authority} did not answer the upgrade within {options.AnswerTimeout.TotalSeconds:0.#} s"
                    : Innermost(e).Message));
        }
    }

    /// <summary>
    /// Whether the connection was established, and cut after the request: firewalls that inspect HTTP cut what they reject without an answer. A failed dial or
    /// handshake has another error (<c>ConnectHelper</c> in .NET's <c>SocketsHttpHandler</c>).
    /// </summary>
    private static bool IsCutOff(HttpRequestException e) =>
        e is { InnerException: IOException, HttpRequestError: HttpRequestError.ResponseEnded or HttpRequestError.Unknown };

    /// <summary>The value of a header, or null when it is missing. It is not fit for messages as it is.</summary>
    public static string? HeaderOf(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? string.Join(", ", values) : null;

    /// <summary>Reads the body as far as it comes: what counts is the status, and that is known already.</summary>
    private static async Task<TunnelFault> ReadRefusalAsync(
        HttpResponseMessage response, TimeProvider time, CancellationToken limit, CancellationToken cancellationToken)
    {
        byte[] body = new byte[MaxBody];
        int length = 0;
        using var late = new CancellationTokenSource(BodyTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit, late.Token);
        try
        {
            Stream stream = await response.Content.ReadAsStreamAsync(either.Token).ConfigureAwait(false);
            int read;
            while (length < MaxBody && (read = await stream.ReadAsync(body.AsMemory(length), either.Token).ConfigureAwait(false)) > 0)
            {
                length += read;
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // It broke off or does not end.
        }

        return new TunnelFault(
            TunnelFaultKind.Refused,
            $"the server answered the upgrade with {(int)response.StatusCode} {UntrustedText.OneLine(response.ReasonPhrase)}")
        {
            StatusCode = response.StatusCode,
            ReasonPhrase = response.ReasonPhrase,
            Body = Encoding.UTF8.GetString(body, 0, length),
            RetryAfter = RetryAfter(response.Headers.RetryAfter, time),
        };
    }

    private static TimeSpan? RetryAfter(RetryConditionHeaderValue? value, TimeProvider time) => value switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date > time.GetUtcNow() ? date - time.GetUtcNow() : TimeSpan.Zero,
        _ => null,
    };

    private static Exception Innermost(Exception e)
    {
        while (e.InnerException is { } inner)
        {
            e = inner;
        }

        return e;
    }
}
