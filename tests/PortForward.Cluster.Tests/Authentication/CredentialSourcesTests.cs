using System.Text;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Tests.Transport;

namespace PortForward.Cluster.Tests.Authentication;

public sealed class CredentialSourcesTests : IDisposable
{
    private const string Plugin = "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never}";

    private readonly PluginFolder _users = new();
    private readonly TestAuthority _root = new();

    [Theory]
    [InlineData("{}", null)]
    [InlineData("{token: t}", "Bearer t")]
    [InlineData("{token: t, tokenFile: token}", "Bearer from-file")]
    [InlineData("{token: t, tokenFile: gone}", "Bearer t")]
    [InlineData("{tokenFile: token}", "Bearer from-file")]
    [InlineData("{username: j, password: p}", "Basic ajpw")]
    [InlineData("{username: j}", "Basic ajo=")]
    [InlineData("{username: j, password: 'a:b'}", "Basic ajphOmI=")]
    [InlineData("{password: p}", null)]
    [InlineData("{token: t, " + Plugin + "}", "Bearer t")]
    [InlineData("{tokenFile: token, " + Plugin + "}", "Bearer from-file")]
    [InlineData("{username: j, password: p, " + Plugin + "}", "Basic ajpw")]
    [InlineData("{token: t, auth-provider: {name: gcp}}", "Bearer t")]
    [InlineData("{username: j, auth-provider: {name: gcp}}", "Basic ajo=")]
    public async Task The_first_of_what_a_user_has_counts(string user, string? authorization)
    {
        _users.Folder.Write("token", "from-file\n");

        (await AuthorizationAsync(_users.Resolve(user))).Should().Be(authorization);
    }

    [Fact]
    public async Task A_plug_in_is_asked_only_when_nothing_else_says_who_it_is()
    {
        Func<Task> ask = () => AuthorizationAsync(_users.Resolve($"{{{Plugin}}}"));

        (await ask.Should().ThrowAsync<ClusterException>()).WithMessage("*no-such-plugin not found*");
        (await AuthorizationAsync(_users.Resolve($"{{{Plugin}}}", overrides: new ClusterOverrides { Token = "flag" }))).Should().Be("Bearer flag");
    }

    [Fact]
    public async Task A_certificate_takes_a_plug_in_out_of_effect_but_goes_beside_a_token()
    {
        (string certificate, string key) = _root.IssueClient("jane");
        string pair = $"client-certificate-data: {Base64(certificate)}, client-key-data: {Base64(key)}";

        Credential withPlugin = await _users.Resolve($"{{{pair}, {Plugin}}}").GetAsync(default);
        Credential withToken = await _users.Resolve($"{{{pair}, token: t}}").GetAsync(default);

        withPlugin.Certificate.Should().NotBeNull();
        withPlugin.Authorization.Should().BeNull();
        withToken.Certificate.Should().NotBeNull();
        withToken.Authorization.Should().Be("Bearer t");
    }

    [Fact]
    public async Task A_token_on_the_command_line_replaces_the_users_token_file()
    {
        _users.Folder.Write("token", "from-file");

        (await AuthorizationAsync(_users.Resolve("{tokenFile: token}", overrides: new ClusterOverrides { Token = "flag" }))).Should().Be("Bearer flag");
    }

    [Fact]
    public void A_token_on_the_command_line_and_a_password_in_the_kubeconfig_contradict_each_other()
    {
        Action resolve = () => _users.Resolve("{username: j, password: p}", overrides: new ClusterOverrides { Token = "flag" });

        resolve.Should().Throw<ClusterException>().WithMessage("more than one authentication method found for u; found [token basicAuth], only one is allowed");
    }

    [Fact]
    public async Task User_and_password_in_the_address_give_way_to_a_plug_in()
    {
        Func<Task> ask = () => AuthorizationAsync(_users.Configuration($"{{{Plugin}}}", server: "https://jane:word@c.test").Access.Credentials);

        await ask.Should().ThrowAsync<ClusterException>();
        (await AuthorizationAsync(_users.Configuration("{}", server: "https://jane:word@c.test").Access.Credentials)).Should().Be($"Basic {Base64("jane:word")}");
    }

    [Fact]
    public async Task Over_http_nothing_is_sent_and_no_plug_in_is_run()
    {
        foreach (string user in new[] { "{token: t}", "{username: j, password: p}", $"{{{Plugin}}}" })
        {
            Credential sent = await _users.Configuration(user, server: "http://c.test").Access.Credentials.GetAsync(default);
            sent.Authorization.Should().BeNull();
            sent.Certificate.Should().BeNull();
        }
    }

    [Fact]
    public void What_never_changes_need_not_be_tried_twice()
    {
        ICredentialSource credentials = _users.Resolve("{token: t}");

        credentials.Discard(Credential.None).Should().BeFalse();
    }

    public void Dispose()
    {
        _users.Dispose();
        _root.Dispose();
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static async Task<string?> AuthorizationAsync(ICredentialSource credentials) => (await credentials.GetAsync(CancellationToken.None)).Authorization;
}
