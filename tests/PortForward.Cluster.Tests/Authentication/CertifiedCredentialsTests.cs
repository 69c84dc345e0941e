using PortForward.Cluster.Authentication;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Tests.Transport;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Authentication;

public sealed class CertifiedCredentialsTests : IDisposable
{
    private const string Files = "{client-certificate: c.pem, client-key: k.pem}";

    private readonly PluginFolder _users = new();
    private readonly TestAuthority _root = new();

    [Fact]
    public async Task Files_are_read_again_after_a_minute_and_not_before()
    {
        Write("first");
        ICredentialSource credentials = _users.Resolve(Files);
        ClientCertificate first = await GetAsync(credentials);
        Write("second");

        _users.Time.Advance(TimeSpan.FromSeconds(59));
        (await GetAsync(credentials)).Should().BeSameAs(first);
        _users.Time.Advance(TimeSpan.FromSeconds(1));
        Subject(await GetAsync(credentials)).Should().Be("CN=second");
    }

    [Fact]
    public async Task While_files_say_the_same_the_certificate_stays_the_same_object()
    {
        Write("first");
        ICredentialSource credentials = _users.Resolve(Files);
        ClientCertificate first = await GetAsync(credentials);

        _users.Time.Advance(TimeSpan.FromMinutes(5));

        (await GetAsync(credentials)).Should().BeSameAs(first, "connections made with it go on being used");
    }

    [Fact]
    public async Task Files_that_are_just_being_replaced_are_left_alone()
    {
        Write("first");
        ICredentialSource credentials = _users.Resolve(Files);
        ClientCertificate first = await GetAsync(credentials);

        _users.Folder.Write("c.pem", _root.IssueClient("second").CertificatePem);
        _users.Time.Advance(TimeSpan.FromMinutes(1));
        (await GetAsync(credentials)).Should().BeSameAs(first, "the key is still the old one");
        File.Delete(_users.Folder["c.pem"]);
        _users.Time.Advance(TimeSpan.FromMinutes(1));
        (await GetAsync(credentials)).Should().BeSameAs(first);
        Write("third");
        _users.Time.Advance(TimeSpan.FromMinutes(1));
        Subject(await GetAsync(credentials)).Should().Be("CN=third");
    }

    [Fact]
    public async Task Data_in_the_kubeconfig_is_never_read_again()
    {
        (string certificate, string key) = Write("first");
        ICredentialSource credentials = _users.Resolve($"{{client-certificate: c.pem, client-key-data: {Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(key))}}}");
        ClientCertificate first = await GetAsync(credentials);
        _users.Folder.Write("c.pem", certificate + "\n");

        _users.Time.Advance(TimeSpan.FromDays(1));

        (await GetAsync(credentials)).Should().BeSameAs(first);
    }

    [Fact]
    public async Task A_token_beside_it_is_renewed_by_its_own_rules()
    {
        Write("jane");
        _users.Folder.Write("token", "first");
        ICredentialSource credentials = _users.Resolve("{client-certificate: c.pem, client-key: k.pem, tokenFile: token}");
        Credential refused = await credentials.GetAsync(default);
        _users.Folder.Write("token", "second");

        refused.Authorization.Should().Be("Bearer first");
        credentials.Discard(refused).Should().BeTrue();
        (await credentials.GetAsync(default)).Authorization.Should().Be("Bearer second");
        (await GetAsync(credentials)).Should().BeSameAs(refused.Certificate);
    }

    [Fact]
    public async Task Files_are_read_again_at_once_when_the_server_refuses()
    {
        Write("first");
        ICredentialSource credentials = _users.Resolve(Files);
        Credential refused = await credentials.GetAsync(default);
        credentials.Discard(refused).Should().BeFalse("they say the same, so that another try makes no sense");
        Write("second");

        credentials.Discard(refused).Should().BeTrue();
        Subject(await GetAsync(credentials)).Should().Be("CN=second");
        credentials.Discard(refused).Should().BeTrue("another request has seen to it already");
    }

    [Fact]
    public async Task Files_on_the_command_line_are_read_again_too()
    {
        Write("first");
        ICredentialSource credentials = _users.Resolve("{}", overrides: new ClusterOverrides { ClientCertificate = _users.Folder["c.pem"], ClientKey = _users.Folder["k.pem"] });
        Subject(await GetAsync(credentials)).Should().Be("CN=first");
        Write("second");
        _users.Time.Advance(TimeSpan.FromMinutes(1));

        Subject(await GetAsync(credentials)).Should().Be("CN=second");
    }

    public void Dispose()
    {
        _users.Dispose();
        _root.Dispose();
    }

    private static string Subject(ClientCertificate certificate) => certificate.Context.TargetCertificate.Subject;

    private static async Task<ClientCertificate> GetAsync(ICredentialSource credentials) => (await credentials.GetAsync(CancellationToken.None)).Certificate!;

    private (string Certificate, string Key) Write(string name)
    {
        (string certificate, string key) = _root.IssueClient(name);
        _users.Folder.Write("c.pem", certificate);
        _users.Folder.Write("k.pem", key);
        return (certificate, key);
    }
}
