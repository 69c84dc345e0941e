using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Authentication;

namespace PortForward.Cluster.Tests.Authentication;

public sealed class TokenFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task It_is_read_again_after_a_minute_and_not_before()
    {
        TokenFile tokens = Tokens(_folder.Write("token", " first \n"));
        (await GetAsync(tokens)).Should().Be("Bearer first");
        _folder.Write("token", "second");

        _time.Advance(TimeSpan.FromSeconds(59));
        (await GetAsync(tokens)).Should().Be("Bearer first");
        _time.Advance(TimeSpan.FromSeconds(1));
        (await GetAsync(tokens)).Should().Be("Bearer second");
    }

    [Fact]
    public async Task A_refusal_has_it_read_at_once_and_says_whether_that_helps()
    {
        TokenFile tokens = Tokens(_folder.Write("token", "first"));
        Credential refused = await tokens.GetAsync(default);

        tokens.Discard(refused).Should().BeFalse("the file says the same");
        _folder.Write("token", "second");
        tokens.Discard(refused).Should().BeTrue();
        (await GetAsync(tokens)).Should().Be("Bearer second");
        tokens.Discard(refused).Should().BeTrue("another request has seen to it already");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("a\nb")]
    public async Task While_it_cannot_be_read_the_last_token_is_used(string? content)
    {
        TokenFile tokens = Tokens(_folder.Write("token", "first"));
        await GetAsync(tokens);
        if (content is null)
        {
            File.Delete(_folder["token"]);
        }
        else
        {
            _folder.Write("token", content);
        }

        _time.Advance(TimeSpan.FromMinutes(1));

        (await GetAsync(tokens)).Should().Be("Bearer first");
        _folder.Write("token", "second");
        _time.Advance(TimeSpan.FromMinutes(1));
        (await GetAsync(tokens)).Should().Be("Bearer second");
    }

    [Fact]
    public async Task The_token_beside_it_is_used_until_it_can_be_read()
    {
        TokenFile tokens = Tokens(_folder["token"], fallback: "fallback");

        (await GetAsync(tokens)).Should().Be("Bearer fallback");
        _folder.Write("token", "first");
        _time.Advance(TimeSpan.FromMinutes(1));
        (await GetAsync(tokens)).Should().Be("Bearer first");
    }

    [Fact]
    public async Task Without_any_token_the_file_is_named()
    {
        Func<Task> missing = () => GetAsync(Tokens(_folder["gone"]));
        Func<Task> empty = () => GetAsync(Tokens(_folder.Write("empty", "\n")));
        Func<Task> broken = () => GetAsync(Tokens(_folder.Write("broken", "s3cr3t\ns3cr3t")));

        (await missing.Should().ThrowAsync<ClusterException>()).WithMessage("unable to read the token file of me: *gone*");
        (await empty.Should().ThrowAsync<ClusterException>()).WithMessage($"the token file {_folder["empty"]} of me is empty");
        (await broken.Should().ThrowAsync<ClusterException>()).Which.Message.Should()
            .Be("the token of me contains a line break or another control character: remove it").And.NotContain("s3cr3t");
    }

    public void Dispose() => _folder.Dispose();

    private static async Task<string?> GetAsync(TokenFile tokens) => (await tokens.GetAsync(CancellationToken.None)).Authorization;

    private TokenFile Tokens(string path, string? fallback = null) => new(path, fallback, "me", _time);
}
