using System.Net.Http.Headers;
using k8s.Authentication;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster;
using PortForward.Cluster.Authentication;

namespace PortForward.KubernetesClient.Tests;

/// <summary>When a token provider is asked, and what becomes of its answers.</summary>
public sealed class TokenProviderCredentialsTests
{
    private const string Owner = "the configuration";

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task It_is_asked_each_time()
    {
        TokenProviderCredentials credentials = Of(RenewingProvider.Of(asked => $"token-{asked}"));

        (await credentials.GetAsync(default)).Authorization.Should().Be("Bearer token-1");
        (await credentials.GetAsync(default)).Authorization.Should().Be("Bearer token-2");
        credentials.Discard(Credential.None).Should().BeTrue("it may have another one");
    }

    [Fact]
    public async Task Another_scheme_than_bearer_is_carried_over()
    {
        (await Of(new RenewingProvider(_ => new AuthenticationHeaderValue("Negotiate", "abc"))).GetAsync(default)).Authorization.Should().Be("Negotiate abc");
        (await Of(new RenewingProvider(_ => null)).GetAsync(default)).Authorization.Should().BeNull();
    }

    [Fact]
    public async Task After_a_failure_it_is_left_alone_ever_longer_and_a_success_ends_that()
    {
        bool fails = true;
        var provider = RenewingProvider.Of(asked => fails ? throw new HttpRequestException($"no route, {asked}") : "token");
        TokenProviderCredentials credentials = Of(provider);

        await FailsAsync(credentials, $"the token provider of {Owner} failed: no route, 1");
        _time.Advance(TimeSpan.FromSeconds(9.9));
        await FailsAsync(credentials, $"the token provider of {Owner} failed: no route, 1");
        _time.Advance(TimeSpan.FromSeconds(0.1));
        await FailsAsync(credentials, $"the token provider of {Owner} failed: no route, 2");
        _time.Advance(TimeSpan.FromSeconds(19.9));
        await FailsAsync(credentials, $"the token provider of {Owner} failed: no route, 2");
        fails = false;
        _time.Advance(TimeSpan.FromSeconds(0.1));

        (await credentials.GetAsync(default)).Authorization.Should().Be("Bearer token");
        provider.Asked.Should().Be(3);
        fails = true;
        await FailsAsync(credentials, $"the token provider of {Owner} failed: no route, 4");
    }

    [Fact]
    public async Task Failures_of_requests_that_were_under_way_together_count_once()
    {
        var provider = new Pending();
        TokenProviderCredentials credentials = Of(provider);
        Task[] together = [.. Enumerable.Range(0, 5).Select(_ => credentials.GetAsync(default).AsTask())];
        provider.Answer.SetException(new InvalidOperationException("no"));
        await Task.WhenAll(together.Select(failing => failing.Soon().Invoking(task => task).Should().ThrowAsync<ClusterException>()));

        provider.Answer = new TaskCompletionSource<AuthenticationHeaderValue>();
        provider.Answer.SetResult(new AuthenticationHeaderValue("Bearer", "token"));
        _time.Advance(TimeSpan.FromSeconds(10));

        (await credentials.GetAsync(default)).Authorization.Should().Be("Bearer token");
    }

    [Fact]
    public async Task A_provider_that_never_answers_holds_up_nobody_who_leaves()
    {
        using var left = new CancellationTokenSource();
        TokenProviderCredentials credentials = Of(new Pending());
        Task<Credential> waiting = credentials.GetAsync(left.Token).AsTask();

        await left.CancelAsync();

        await waiting.Soon().Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();
    }

    [Fact]
    public async Task A_provider_that_gives_up_by_itself_has_failed()
    {
        await FailsAsync(Of(new RenewingProvider(_ => throw new OperationCanceledException("too slow"))), $"the token provider of {Owner} failed: too slow");
    }

    [Fact]
    public async Task A_token_that_no_header_can_carry_is_refused_without_showing_it()
    {
        await FailsAsync(Of(RenewingProvider.Of(_ => "sec\u0007ret")), $"the token provider of {Owner} says a token with a line break or another control character");
    }

    private TokenProviderCredentials Of(ITokenProvider provider) => new(provider, Owner, new WaitingClients(), _time);

    private static async Task FailsAsync(TokenProviderCredentials credentials, string message) =>
        await credentials.Invoking(failing => failing.GetAsync(default).Soon()).Should().ThrowAsync<ClusterException>().WithMessage(message);

    /// <summary>Answers when the test says so, and heeds no cancellation.</summary>
    private sealed class Pending : ITokenProvider
    {
        public TaskCompletionSource<AuthenticationHeaderValue> Answer { get; set; } = new();

        public Task<AuthenticationHeaderValue> GetAuthenticationHeaderAsync(CancellationToken cancellationToken) => Answer.Task;
    }
}
