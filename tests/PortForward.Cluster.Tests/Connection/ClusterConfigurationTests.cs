using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Tests.Kubeconfig;
using PortForward.Cluster.Tests.Transport;

namespace PortForward.Cluster.Tests.Connection;

public sealed class ClusterConfigurationTests : IDisposable
{
    private const string Contexts = """
        current-context: main
        contexts:
        - name: main
          context: {cluster: c, user: u, namespace: team}
        - name: other
          context: {cluster: d, user: v}
        clusters:
        - name: c
          cluster: {server: 'https://c.test', tls-server-name: inner.test}
        - name: d
          cluster: {server: 'https://d.test'}
        users:
        - name: u
          user: {token: token-of-u}
        - name: v
          user: {username: jane, password: word}

        """;

    private readonly HomeFolder _folder = new();

    [Fact]
    public async Task The_current_context_names_server_user_and_namespace()
    {
        ClusterConfiguration found = Resolve(Contexts);

        found.Server.Should().Be(new Uri("https://c.test/"));
        found.Namespace.Should().Be("team");
        found.RequestTimeout.Should().BeNull();
        found.Access.ServerName.Should().Be("inner.test");
        (await AuthorizationAsync(found)).Should().Be("Bearer token-of-u");
    }

    [Fact]
    public async Task Flags_go_first()
    {
        (await AuthorizationAsync(Resolve(Contexts, new ClusterOverrides { Context = "other" }))).Should().Be($"Basic {Base64("jane:word")}");
        Resolve(Contexts, new ClusterOverrides { Context = "other" }).Namespace.Should().Be("default");
        Resolve(Contexts, new ClusterOverrides { Cluster = "d" }).Server.Should().Be(new Uri("https://d.test/"));
        (await AuthorizationAsync(Resolve(Contexts, new ClusterOverrides { User = "v" }))).Should().StartWith("Basic ");
        Resolve(Contexts, new ClusterOverrides { Namespace = "n" }).Namespace.Should().Be("n");
        (await AuthorizationAsync(Resolve(Contexts, new ClusterOverrides { Token = "flag" }))).Should().Be("Bearer flag");
        (await AuthorizationAsync(Resolve(Contexts, new ClusterOverrides { Context = "other", Password = "flag" }))).Should().Be($"Basic {Base64("jane:flag")}");
        Resolve(Contexts, new ClusterOverrides { TlsServerName = "flag" }).Access.ServerName.Should().Be("flag");
        Resolve(Contexts, new ClusterOverrides { RequestTimeout = TimeSpan.FromSeconds(3) }).RequestTimeout.Should().Be(TimeSpan.FromSeconds(3));
        Resolve(Contexts, new ClusterOverrides { RequestTimeout = TimeSpan.Zero }).RequestTimeout.Should().Be(TimeSpan.Zero, "no limit was asked for");
    }

    [Fact]
    public void Another_server_does_not_bear_the_name_of_the_kubeconfigs()
    {
        ClusterConfiguration found = Resolve(Contexts, new ClusterOverrides { Server = "https://elsewhere.test:1234/prefix" });

        found.Server.Should().Be(new Uri("https://elsewhere.test:1234/prefix/"));
        found.Access.ServerName.Should().BeNull();
    }

    [Fact]
    public void A_path_before_the_api_is_kept()
    {
        using var connection = new ClusterConnection(Resolve("", new ClusterOverrides { Server = "https://x.test/k8s/clusters/c-1" }));

        connection.PortForwardUri("n s", "p").AbsoluteUri.Should().Be("https://x.test/k8s/clusters/c-1/api/v1/namespaces/n%20s/pods/p/portforward");
    }

    [Fact]
    public void Without_any_configuration_there_is_no_server()
    {
        Fault("").Should().Be($"the kubeconfig {_folder["config"]} is empty");
        Fault("", new ClusterOverrides { Token = "t" }).Should().Be($"the kubeconfig {_folder["config"]} is empty");
        Fault("current-context: c\ncontexts: [{name: c}]").Should().Be("context \"c\" names no cluster");
        _folder.Set("KUBERNETES_MASTER", "https://master.test");
        Resolve("").Server.Should().Be(new Uri("https://master.test/"));
        Resolve(Contexts).Server.Should().Be(new Uri("https://c.test/"));
    }

    [Fact]
    public async Task No_credentials_go_over_an_unencrypted_connection()
    {
        Credential sent = await Resolve(Contexts, new ClusterOverrides { Server = "http://c.test", As = "jane" }).Access.Credentials.GetAsync(default);

        sent.Authorization.Should().BeNull();
        sent.Certificate.Should().BeNull();
        Resolve(Contexts, new ClusterOverrides { Server = "http://c.test", As = "jane" }).Access.Impersonation.Headers.Should().ContainSingle();
    }

    [Fact]
    public async Task User_and_password_in_the_servers_address_count_when_nothing_else_does()
    {
        (await AuthorizationAsync(Resolve("", new ClusterOverrides { Server = "https://jane:w%40rd@c.test" }))).Should().Be($"Basic {Base64("jane:w@rd")}");
        (await AuthorizationAsync(Resolve("", new ClusterOverrides { Server = "https://jane:word@c.test", Token = "t" }))).Should().Be("Bearer t");
    }

    [Theory]
    [InlineData("current-context: gone", "Error in configuration: context was not found for specified context: gone (the kubeconfig's current-context; use --context)")]
    [InlineData("current-context: m\ncontexts: [{name: m, context: {cluster: gone}}]", "cluster \"gone\" was not found for context \"m\"")]
    [InlineData("current-context: m\ncontexts: [{name: m, context: {cluster: c}}]\nclusters: [{name: c, cluster: {}}]", "no server found for cluster \"c\"")]
    public void What_is_not_there_is_told(string kubeconfig, string message) => Fault(kubeconfig).Should().Be(message);

    [Theory]
    [InlineData("~/.kube/config", "KUBECONFIG names no file that exists: ~/.kube/config (the shell replaces a ~ only outside quotes and at the beginning of a word: write the whole path)")]
    [InlineData(@"C:\Users\jane\.kube\config", @"KUBECONFIG names no file that exists: C:\Users\jane\.kube\config (that is a Windows path: under WSL drive C: is /mnt/c)")]
    [InlineData("\"/home/jane/.kube/config\"", "KUBECONFIG names no file that exists: \"/home/jane/.kube/config\" (the quotes are part of the name: remove them)")]
    public void Files_that_do_not_exist_are_told_and_no_server_is_guessed(string variable, string message)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        _folder.Set("KUBECONFIG", variable);

        FaultOf(new ClusterOverrides()).Should().Be(message);
        FaultOf(new ClusterOverrides { Context = "c" }).Should().Be($"context \"c\" does not exist: {message}");
        FaultOf(new ClusterOverrides { Cluster = "c" }).Should().Be($"cluster \"c\" does not exist in the kubeconfig; {message}");
        Resolved(new ClusterOverrides { Server = "https://c.test" }).Server.Host.Should().Be("c.test", "it is enough, as for kubectl");

        string FaultOf(ClusterOverrides overrides)
        {
            Action resolve = () => Resolved(overrides);
            return resolve.Should().Throw<ClusterException>().Which.Message;
        }

        ClusterConfiguration Resolved(ClusterOverrides overrides) => ClusterConfiguration.Resolve(
            MergedKubeconfig.Load(null, _folder.Environment), overrides, TimeProvider.System, NullLoggerFactory.Instance, _folder.Environment);
    }

    [Fact]
    public void A_path_in_the_kubeconfig_that_the_shell_should_have_replaced_is_explained() =>
        Fault(Text("{server: 'https://c.test', certificate-authority: ~/ca.pem}")).Should().EndWith("(the shell replaces a ~ only outside quotes and at the beginning of a word: write the whole path)");

    [Fact]
    public void A_name_that_is_told_cannot_rewrite_the_terminal() =>
        Fault("current-context: \"a\\e[2J\\u009b\\u202eb\"").Should().Be("Error in configuration: context was not found for specified context: a\\u001b[2J\\u009b\\u202eb (the kubeconfig's current-context; use --context)");

    [Fact]
    public void What_a_flag_names_must_be_there()
    {
        Fault(Contexts, new ClusterOverrides { Context = "Main" }).Should().Be("context \"Main\" does not exist: see the contexts in the kubeconfig");
        Fault(Contexts, new ClusterOverrides { Cluster = "gone" }).Should().Be("cluster \"gone\" does not exist in the kubeconfig");
        Fault(Contexts, new ClusterOverrides { User = "gone" }).Should().Be("auth info \"gone\" does not exist in the kubeconfig");
    }

    [Fact]
    public async Task A_user_that_only_the_context_names_may_be_missing_as_for_kubectl()
    {
        const string Text = "current-context: m\ncontexts: [{name: m, context: {cluster: c, user: gone}}]\nclusters: [{name: c, cluster: {server: 'https://c.test'}}]";

        (await AuthorizationAsync(Resolve(Text))).Should().BeNull();
        (await AuthorizationAsync(Resolve(Text, new ClusterOverrides { Token = "t" }))).Should().Be("Bearer t");
        Resolve("current-context: m\ncontexts: [{name: m, context: {cluster: gone}}]", new ClusterOverrides { Server = "https://x.test" }).Server.Host.Should().Be("x.test");
    }

    [Theory]
    [InlineData("{token: t, username: j}", "more than one authentication method found for u; found [token basicAuth], only one is allowed")]
    [InlineData("{token: t, password: w}", "more than one authentication method found for u; found [token basicAuth], only one is allowed")]
    [InlineData("{tokenFile: t, username: j}", "more than one authentication method found for u; found [token basicAuth], only one is allowed")]
    [InlineData("{client-certificate-data: QQ==}", "client-key-data or client-key must be specified for u to use the clientCert authentication method.")]
    [InlineData("{client-certificate-data: QQ==, client-certificate: x, client-key-data: QQ==}", "client-certificate-data and client-certificate are both specified for u: keep one of them")]
    [InlineData("{client-certificate-data: QQ==, client-key: x, client-key-data: QQ==}", "client-key-data and client-key are both specified for u: keep one of them")]
    [InlineData("{as-uid: x}", "requesting uid, groups or user-extra for u without impersonating a user: add --as")]
    [InlineData("{as-groups: [x]}", "requesting uid, groups or user-extra for u without impersonating a user: add --as")]
    [InlineData("{as-user-extra: {k: [x]}}", "requesting uid, groups or user-extra for u without impersonating a user: add --as")]
    [InlineData("{exec: {command: c, apiVersion: client.authentication.k8s.io/v1beta1}, auth-provider: {name: oidc}}", "authProvider cannot be provided in combination with an exec plugin for u")]
    [InlineData("{exec: {apiVersion: x}}", "command must be specified for u to use exec authentication plugin")]
    [InlineData("{exec: {command: c}}", "apiVersion must be specified for u to use exec authentication plugin")]
    [InlineData("{exec: {command: c, apiVersion: client.authentication.k8s.io/v1}}", "interactiveMode must be specified for u to use exec authentication plugin")]
    [InlineData("{exec: {command: c, apiVersion: client.authentication.k8s.io/v1, interactiveMode: never}}", "invalid interactiveMode for u: \"never\"")]
    [InlineData("{exec: {command: c, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, env: [{value: x}]}}", "env variable name must be specified for u to use exec authentication plugin")]
    public void Contradictions_of_a_user_are_told_in_kubectls_words(string user, string message) =>
        Fault(Text("{server: 'https://c.test'}", user)).Should().Be(message);

    [Theory]
    [InlineData("{token: \"a\\nb\"}", "the token of user \"u\" contains a line break*")]
    [InlineData("{client-certificate-data: '%%%', client-key-data: QQ==}", "user \"u\" in the kubeconfig * is malformed: line 4, column 51: client-certificate-data is no base64")]
    [InlineData("{client-certificate-data: QQ==, client-key-data: QQ==}", "the client certificate and key of user \"u\" cannot be used*")]
    [InlineData("{client-certificate: gone.pem, client-key-data: QQ==}", "unable to read client-certificate of user \"u\": *gone.pem*")]
    [InlineData("{as: [a]}", "user \"u\" in the kubeconfig * is malformed: line 4, column 30: as is no text")]
    [InlineData("{as: j, as-groups: text}", "user \"u\" in the kubeconfig * is malformed: line 4, column 44: as-groups is no list")]
    [InlineData("{exec: [c]}", "user \"u\" in the kubeconfig * is malformed: line 4, column 32: exec is no mapping")]
    [InlineData("{exec: {command: c, apiVersion: client.authentication.k8s.io/v1alpha1, interactiveMode: Never}}", "exec plugin: invalid apiVersion \"client.authentication.k8s.io/v1alpha1\" of user \"u\": update the plug-in*")]
    [InlineData("{exec: {command: c, apiVersion: client.authentication.k8s.io/v1beta1, provideClusterInfo: maybe}}", "*provideClusterInfo is neither true nor false")]
    [InlineData("{auth-provider: {name: gcp}}", "The gcp auth plugin*has been removed: install gke-gcloud-auth-plugin*")]
    [InlineData("{auth-provider: {name: azure}}", "The azure auth plugin*has been removed: install*kubelogin*")]
    [InlineData("{auth-provider: {name: other}}", "no Auth Provider found for name \"other\"*")]
    public void Credentials_that_cannot_be_used_are_told(string user, string message)
    {
        Action resolve = () => Resolve(Text("{server: 'https://c.test'}", user));

        resolve.Should().Throw<ClusterException>().WithMessage(message);
    }

    [Fact]
    public async Task A_key_without_a_certificate_counts_for_nothing_as_for_kubectl() =>
        (await Resolve(Text("{server: 'https://c.test'}", "{client-key-data: QQ==}")).Access.Credentials.GetAsync(default)).Certificate.Should().BeNull();

    [Fact]
    public async Task Flags_replace_certificate_and_key_each_for_itself()
    {
        using var root = new TestAuthority();
        (string certificate, string key) = root.IssueClient("jane");
        string certificateFile = _folder.Write("jane.pem", certificate);
        string keyFile = _folder.Write("jane-key.pem", $"{key}\n");
        string text = Text("{server: 'https://c.test'}", "{client-certificate-data: QQ==, client-key: jane-key.pem}");

        (await Resolve(text, new ClusterOverrides { ClientCertificate = certificateFile }).Access.Credentials.GetAsync(default)).Certificate.Should().NotBeNull();
        (await Resolve("", new ClusterOverrides { Server = "https://c.test", ClientCertificate = certificateFile, ClientKey = keyFile }).Access.Credentials.GetAsync(default))
            .Certificate.Should().NotBeNull();
        string together = _folder.Write("both.pem", certificate + key);
        (await Resolve("", new ClusterOverrides { Server = "https://c.test", ClientCertificate = together, ClientKey = together }).Access.Credentials.GetAsync(default))
            .Certificate.Should().NotBeNull("the kubelet writes both into one file");
    }

    [Fact]
    public void Trust_is_told_once()
    {
        using var root = new TestAuthority();
        string ca = _folder.Write("ca.pem", root.Pem);
        string data = Base64(root.Pem);

        Fault(Text($"{{server: 'https://c.test', insecure-skip-tls-verify: true, certificate-authority-data: {data}}}")).Should()
            .StartWith("specifying a root certificates file with the insecure flag is not allowed");
        Fault(Text($"{{server: 'https://c.test', certificate-authority: ca.pem, certificate-authority-data: {data}}}")).Should()
            .Be("certificate-authority-data and certificate-authority are both specified for c: keep one of them");
        Fault("", new ClusterOverrides { Server = "https://c.test", InsecureSkipTlsVerify = true, CertificateAuthority = ca }).Should().StartWith("specifying a root certificates file");
        Fault("", new ClusterOverrides { Server = "https://c.test", CertificateAuthority = _folder["gone.pem"] }).Should().StartWith("unable to read --certificate-authority: ");
        Fault(Text("{server: 'https://c.test', insecure-skip-tls-verify: perhaps}")).Should().EndWith("insecure-skip-tls-verify is neither true nor false");

        Action flagsReplace = () =>
        {
            Resolve(Text("{server: 'https://c.test', insecure-skip-tls-verify: true}"), new ClusterOverrides { CertificateAuthority = ca });
            Resolve(Text($"{{server: 'https://c.test', certificate-authority-data: {data}}}"), new ClusterOverrides { InsecureSkipTlsVerify = true });
            Resolve(Text("{server: 'https://c.test', certificate-authority: gone.pem}"), new ClusterOverrides { CertificateAuthority = ca });
        };
        flagsReplace.Should().NotThrow();
    }

    public void Dispose() => _folder.Dispose();

    private static string Text(string cluster, string user = "{}") =>
        $"current-context: m\ncontexts: [{{name: m, context: {{cluster: c, user: u}}}}]\nclusters: [{{name: c, cluster: {cluster}}}]\nusers: [{{name: u, user: {user}}}]\n";

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static async Task<string?> AuthorizationAsync(ClusterConfiguration configuration) =>
        (await configuration.Access.Credentials.GetAsync(CancellationToken.None)).Authorization;

    private ClusterConfiguration Resolve(string kubeconfig, ClusterOverrides? overrides = null) => ClusterConfiguration.Resolve(
        MergedKubeconfig.Load(_folder.Write("config", kubeconfig), _folder.Environment),
        overrides ?? new ClusterOverrides(),
        TimeProvider.System,
        NullLoggerFactory.Instance,
        _folder.Environment);

    private string Fault(string kubeconfig, ClusterOverrides? overrides = null)
    {
        Action resolve = () => Resolve(kubeconfig, overrides);
        return resolve.Should().Throw<ClusterException>().Which.Message;
    }
}
