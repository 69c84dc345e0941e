
namespace PortForward.Cluster.Authentication;

/// <summary>
/// Credentials that are fetched at the first request, again when they have expired or the server refused them, and never twice at a time.
/// Fetching is not tied to the request that caused it, since others wait for it too, and it may itself wait for a person who is logging in.
/// When it was in vain, <see cref="RenewalPace"/> says when it may be tried again; until then requests fail as the last one did.
/// </summary>
/// <param name="time">The clock by which they expire.</param>
/// <param name="clients">The clients that wait.</param>
internal abstract class RenewedCredentials(TimeProvider time, WaitingClients clients) : ICredentialSource, IDisposable
{
    private readonly CancellationTokenSource _ending = new();

    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();
    private readonly RenewalPace _pace = new(time);
    private Lease? _current;
    private Task<Lease>? _renewal;

    /// <summary>Why the last attempt has failed; null if it has not.</summary>
    private Exception? _failure;

    /// <summary>Whether the server has refused those in use. They stay in use until others may be fetched: it may be the server's fault.</summary>
    private bool _isRefused;

    /// <summary>Whether those in use are to be replaced.</summary>
    private bool _isDiscarded;

    /// <summary>How often what was fetched had expired already, in a row.</summary>
    private int _expired;

    /// <inheritdoc/>
    public async ValueTask<Credential> GetAsync(CancellationToken cancellationToken)
    {
        Task<Lease> renewal;
        lock (_gate)
        {
            if (_current is not null && !_isDiscarded && !(_current.Until < time.GetUtcNow()))
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

            if (!_isRefused)
            {
                if (!OnRefused(refused))
                {
                    return false;
                }

                _isRefused = true;
                _pace.Refuse();
            }

            _isDiscarded = MayFetch();
            return _isDiscarded;
        }
    }

    /// <summary>Ends a renewal that is under way; no other one begins.</summary>
    public void Dispose()
    {
        // Not disposed of: a renewal may be about to look at its token.
        _ending.Cancel();
    }

    /// <summary>Whether fetching may ask a person to log in.</summary>
    protected virtual bool AsksPerson => false;

    /// <summary>Credentials that are at hand, without asking anybody; null if there are none.</summary>
    /// <exception cref="ClusterException">They cannot be used.</exception>
    protected virtual Lease? Find() => null;

    /// <summary>Fetches credentials; only one call is under way at a time.</summary>
    /// <exception cref="ClusterException">They cannot be had.</exception>
    protected abstract Task<Lease> FetchAsync(CancellationToken cancellationToken);

    /// <summary>Takes note that the server refused the credentials in use.</summary>
    /// <returns>Whether to fetch others; if not, these stay in use.</returns>
    protected abstract bool OnRefused(Credential refused);

    private async Task<Lease> RenewAsync()
    {
        Lease? renewed = null;
        Exception? failure = null;
        bool isPaused = false;
        try
        {
            _ending.Token.ThrowIfCancellationRequested();
            renewed = Find();
            isPaused = renewed is null && !MayFetch();
            return isPaused ? Last() : renewed ??= await FetchAsync(_ending.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (!_ending.IsCancellationRequested)
        {
            failure = e;
            throw;
        }
        finally
        {
            // Both at once, so that a refusal of what was fetched leads to a new renewal and not to this one's result.
            lock (_gate)
            {
                if (!isPaused)
                {
                    Record(renewed, failure);
                }

                _renewal = null;
            }
        }
    }

    private bool MayFetch()
    {
        lock (_gate)
        {
            return _pace.MayFetch(AsksPerson, clients.Any);
        }
    }

    /// <summary>What the last attempt has led to: its failure, or credentials that the server refuses.</summary>
    private Lease Last()
    {
        lock (_gate)
        {
            if (_failure is not null)
            {
                // A new one each time: an exception that is thrown again and again collects the places where it was.
                throw _failure is ClusterException told ? told.With("") : new ClusterException(_failure.Message, _failure);
            }

            return _current!;
        }
    }

    /// <summary>Records the result of an attempt; an attempt that was cancelled has neither. Called with the gate held.</summary>
    private void Record(Lease? renewed, Exception? failure)
    {
        _current = renewed is null ? null : Adjust(renewed);
        _failure = failure;
        _isRefused = false;
        _isDiscarded = false;
        if (renewed is not null)
        {
            _pace.Succeed();
        }
        else if (failure is not null)
        {
            _pace.Fail();
        }
    }

    /// <summary>Of what has expired when it comes, the clocks may be wrong: the server is to say so, and others are fetched ever more seldom.</summary>
    private Lease Adjust(Lease fetched)
    {
        DateTimeOffset now = time.GetUtcNow();
        _expired = fetched.Until <= now ? _expired + 1 : 0;
        return _expired > 0 ? fetched with { Until = now + RenewalPace.Wait(_expired) } : fetched;
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
