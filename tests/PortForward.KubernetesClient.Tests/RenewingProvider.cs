using System.Net.Http.Headers;
using k8s.Authentication;

namespace PortForward.KubernetesClient.Tests;

/// <summary>A token provider that says what the test wants, and counts.</summary>
/// <param name="answer">What it says when asked for the n-th time.</param>
internal sealed class RenewingProvider(Func<int, AuthenticationHeaderValue?> answer) : ITokenProvider
{
    private int _asked;

    /// <summary>How often it was asked.</summary>
    public int Asked => Volatile.Read(ref _asked);

    public Task<AuthenticationHeaderValue> GetAuthenticationHeaderAsync(CancellationToken cancellationToken) =>
        Task.FromResult(answer(Interlocked.Increment(ref _asked))!);

    /// <summary>A provider of bearer tokens.</summary>
    public static RenewingProvider Of(Func<int, string> token) => new(asked => new AuthenticationHeaderValue("Bearer", token(asked)));
}
