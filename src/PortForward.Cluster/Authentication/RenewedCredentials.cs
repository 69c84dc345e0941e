namespace PortForward.Cluster.Authentication;

/// <summary>
/// Credentials that are fetched at the first request, again when they have expired or the server refused them, and never twice at a time.
/// Fetching is not tied to the request that caused it, since others wait for it too, and it may itself wait for a person who is logging in.
/// </summary>
/// <param name="time">The clock by which they expire.</param>
internal abstract class RenewedCredentials(TimeProvider time) : ICredentialSource, IDisposable
{
    private readonly CancellationTokenSource _ending = new();
    private readonly Lock _gate = new();
    private Lease? _current;
    private Task<Lease>? _renewal;

    /// <inheritdoc/>
    public async ValueTask<Credential> GetAsync(CancellationToken cancellationToken)
    {
        Task<Lease> renewal;
        lock (_gate)
        {
            if (_current is not null && !(_current.Until < time.GetUtcNow()))
            {
                return _current.Credential;
            }

            renewal = _renewal ??= Task.Run(RenewAsync, CancellationToken.None);
        }

        return (await renewal.WaitAsync(cancellationToken).ConfigureAwait(false)).Credential;
    }

    /// <inheritdoc/>
    public bool Discard(Credential refused)
    {
        lock (_gate)
        {
            if (!ReferenceEquals(refused, _current?.Credential))
            {
                return true; // Another request has seen to it already.
            }

            if (!OnRefused(refused))
            {
                return false;
            }

            _current = null;
            return true;
        }
    }

    /// <summary>Ends a renewal that is under way; no other one begins.</summary>
    public void Dispose()
    {
        // Not disposed of: a renewal may be about to look at its token.
        _ending.Cancel();
    }

    /// <summary>Fetches credentials; only one call is under way at a time.</summary>
    /// <exception cref="ClusterException">They cannot be had.</exception>
    protected abstract Task<Lease> FetchAsync(CancellationToken cancellationToken);

    /// <summary>Takes note that the server refused the credentials in use.</summary>
    /// <returns>Whether to fetch others; if not, these stay in use.</returns>
    protected abstract bool OnRefused(Credential refused);

    private async Task<Lease> RenewAsync()
    {
        Lease? fetched = null;
        try
        {
            _ending.Token.ThrowIfCancellationRequested();
            return fetched = await FetchAsync(_ending.Token).ConfigureAwait(false);
        }
        finally
        {
            // Both at once, so that a refusal of what was fetched leads to a new renewal and not to this one's result.
            lock (_gate)
            {
                _current = fetched;
                _renewal = null;
            }
        }
    }

    /// <summary>Credentials and how long they are good for.</summary>
    /// <param name="Credential">The credentials.</param>
    /// <param name="Until">The last moment; null for ever.</param>
    /// <remarks>It holds secrets, so its text form is empty.</remarks>
    protected sealed record Lease(Credential Credential, DateTimeOffset? Until)
    {
        /// <inheritdoc/>
        public override string ToString() => nameof(Lease);
    }
}
