using System.Net.Http.Headers;
using k8s.Authentication;
using PortForward.Cluster;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Transport;

namespace PortForward.KubernetesClient;

/// <summary>
/// What a token provider of the official client says. It is asked for each request, as that client does, since only it knows how long its tokens are good
/// for; when it fails, <see cref="RenewalPace"/> says when it may be asked again, since it may run a plug-in that asks somebody to log in.
/// </summary>
/// <param name="provider">The provider.</param>
/// <param name="owner">Whose it is, for messages.</param>
/// <param name="clients">The clients that wait.</param>
/// <param name="time">The clock.</param>
internal sealed class TokenProviderCredentials(ITokenProvider provider, string owner, WaitingClients clients, TimeProvider time) : ICredentialSource
{
    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();
    private readonly RenewalPace _pace = new(time);

    /// <summary>The call that is under way. Requests that come together share it: a provider may run a plug-in for each.</summary>
    private Task<Credential>? _asking;

    /// <summary>Why it has failed last; null if it has not.</summary>
    private ClusterException? _failure;

    /// <inheritdoc/>
    public async ValueTask<Credential> GetAsync(CancellationToken cancellationToken)
    {
        ThrowIfPaused();
        Task<Credential> asking;
        lock (_gate)
        {
            // Whoever gives up leaves the call to those who come later.
            asking = _asking is { IsCompleted: false } ? _asking : _asking = Task.Run(AskAsync, CancellationToken.None);
        }

        return await asking.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task<Credential> AskAsync()
    {
        try
        {
            AuthenticationHeaderValue? header = await provider.GetAuthenticationHeaderAsync(CancellationToken.None).ConfigureAwait(false);
            Credential credential = header is null ? Credential.None : new Credential(Value(header), certificate: null);
            Succeed();
            return credential;
        }
        catch (Exception e)
        {
            throw Fail(e);
        }
    }

    /// <inheritdoc/>
    /// <remarks>Whether it has another token is known only once it is asked.</remarks>
    public bool Discard(Credential refused)
    {
        lock (_gate)
        {
            _asking = null; // What is under way may bring the same one.
        }

        return true;
    }

    private string Value(AuthenticationHeaderValue header)
    {
        string value = header.ToString();
        return HeaderText.HasControls(value)
            ? throw new ClusterException($"the token provider of {owner} says a token with a line break or another control character")
            : value;
    }

    private void ThrowIfPaused()
    {
        lock (_gate)
        {
            if (_failure is not null && IsPaused())
            {
                throw _failure.With(""); // A new one each time: an exception that is thrown again and again collects the places where it was.
            }
        }
    }

    private void Succeed()
    {
        lock (_gate)
        {
            _failure = null;
            _pace.Succeed();
        }
    }

    private ClusterException Fail(Exception cause)
    {
        // What follows the first line are stack traces and what others have printed.
        string why = cause.Message.Split('\n', 2)[0].Trim();
        ClusterException failure = cause as ClusterException ?? new ClusterException($"the token provider of {owner} failed: {why}", cause);
        lock (_gate)
        {
            // Requests that were under way together fail together, and count once.
            if (_failure is null || !IsPaused())
            {
                _pace.Fail();
            }

            _failure = failure;
        }

        return failure;
    }

    private bool IsPaused() => !_pace.MayFetch(asksPerson: false, clients.Any);
}
