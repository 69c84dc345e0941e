using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using PortForward.Testing.Api;
using PortForward.Testing.Certificates;
using PortForward.Testing.PortForwarding;

namespace PortForward.Testing;

/// <summary>
/// A Kubernetes cluster in this process: an API server on the loopback interface that serves objects from memory and
/// forwards ports to applications on real sockets, with the habits of real API servers and container runtimes.
/// </summary>
public sealed class TestCluster : IAsyncDisposable
{
    private readonly ClusterCertificates _certificates = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly ApiServer _server;
    private readonly ApiConnections _connections;
    private WebApplication? _web;

    private TestCluster(TestClusterOptions options)
    {
        Options = options;
        Users = new TestUsers(_certificates);
        Admin = Users.Add("admin", "system:masters");
        Tunnels = new Tunnels(Activity);
        Pods = new TestPods(this);
        Transports = new Transports(options.Kubernetes);
        PortForwarding = new PortForwardOptions { TimeProvider = options.TimeProvider };
        var portForward = new PortForwardEndpoint(Transports, PortForwarding, Tunnels, _stopping.Token);
        _connections = new ApiConnections(options, Activity);
        _server = new ApiServer(this, new Authenticator(Users), portForward, _stopping.Token);
    }

    /// <summary>The address for kubeconfig files.</summary>
    public Uri Server { get; private set; } = null!;

    /// <summary>The certificate authority, in PEM.</summary>
    public string AuthorityPem => _certificates.AuthorityPem;

    /// <summary>The user in kubeconfig files where no other is named.</summary>
    public TestUser Admin { get; }

    /// <summary>Users and their credentials.</summary>
    public TestUsers Users { get; }

    /// <summary>Who may do what.</summary>
    public AccessRules Access { get; } = new();

    /// <summary>The pods.</summary>
    public TestPods Pods { get; }

    /// <summary>Every object of the API, pods included.</summary>
    public ObjectStore Objects { get; } = new();

    /// <summary>Faults of requests.</summary>
    public Faults Faults { get; } = new();

    /// <summary>Which ways of forwarding the server offers.</summary>
    public Transports Transports { get; }

    /// <summary>The runtime's habits and times.</summary>
    public PortForwardOptions PortForwarding { get; }

    /// <summary>The open tunnels and their faults.</summary>
    public Tunnels Tunnels { get; }

    /// <summary>Counts of what is open.</summary>
    public Activity Activity { get; } = new();

    /// <summary>Every request so far, in the order of arrival.</summary>
    public IReadOnlyList<RecordedRequest> Requests => _server.Requests;

    /// <summary>Forgets the requests so far, which a long run would pile up.</summary>
    public void ForgetRequests() => _server.ForgetRequests();

    internal TestClusterOptions Options { get; }

    /// <summary>Starts a cluster with the namespaces <c>default</c> and <c>kube-system</c>, one node and no pods.</summary>
    public static async Task<TestCluster> StartAsync(TestClusterOptions? options = null, CancellationToken cancellationToken = default)
    {
        var cluster = new TestCluster(options ?? new TestClusterOptions());
        cluster.Objects.Put(TestObjects.Namespace("default"));
        cluster.Objects.Put(TestObjects.Namespace("kube-system"));
        cluster.Objects.Put(TestObjects.Node("node-1"));
        await cluster.ListenAsync(cancellationToken);
        return cluster;
    }

    /// <summary>Adds an object, e.g. one of <see cref="TestObjects"/>.</summary>
    public TestCluster Add(JsonObject json)
    {
        Objects.Put(json);
        return this;
    }

    /// <summary>A kubeconfig for this cluster.</summary>
    /// <param name="user">Whose credentials; the admin's unless given.</param>
    /// <param name="withCertificate">Puts a client certificate in instead of the token.</param>
    /// <param name="inNamespace">The context's namespace.</param>
    /// <param name="server">Another address of the same server, e.g. with <c>localhost</c>.</param>
    public string KubeconfigYaml(TestUser? user = null, bool withCertificate = false, string? inNamespace = null, Uri? server = null)
    {
        user ??= Admin;
        var yaml = new StringBuilder()
            .Append("apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters:\n- name: test\n  cluster:\n")
            .Append($"    server: {(server ?? Server).ToString().TrimEnd('/')}\n");
        if (!Options.PlainHttp)
            yaml.Append($"    certificate-authority-data: {Base64(AuthorityPem)}\n");
        yaml.Append($"contexts:\n- name: test\n  context:\n    cluster: test\n    user: {user.Name}\n");
        if (inNamespace is not null)
            yaml.Append($"    namespace: {inNamespace}\n");
        yaml.Append($"users:\n- name: {user.Name}\n  user:\n");
        if (withCertificate)
            yaml.Append($"    client-certificate-data: {Base64(user.CertificatePem)}\n    client-key-data: {Base64(user.KeyPem)}\n");
        else
            yaml.Append($"    token: {user.Token}\n");
        return yaml.ToString();
    }

    /// <summary>Writes <see cref="KubeconfigYaml"/> to a file that only its owner can read, and returns the path.</summary>
    public string WriteKubeconfig(string path, TestUser? user = null, bool withCertificate = false, string? inNamespace = null, Uri? server = null)
    {
        File.WriteAllText(path, "");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(path, KubeconfigYaml(user, withCertificate, inNamespace, server));
        return path;
    }

    /// <summary>Stops the server: tunnels and watches end, applications are closed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        Tunnels.ThawAll();
        Objects.EndWatches();
        Pods.StopAll();
        if (_web is not null)
        {
            // A token that is cancelled already means: abort what is open instead of waiting for it.
            await _web.StopAsync(new CancellationToken(canceled: true));
            await _web.DisposeAsync();
        }

        _certificates.Dispose();
        _stopping.Dispose();
    }

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var port = Options.Port == 0 && Options.ListenOnIPv6 ? FreePort() : Options.Port;
            _web = Build(port);
            try
            {
                await _web.StartAsync(cancellationToken);
                break;
            }
            catch (IOException) when (attempt < 10 && port != Options.Port)
            {
                // Somebody took the port on one of the two addresses in between.
                await _web.DisposeAsync();
            }
        }

        Server = new Uri(_web.Urls.First());
    }

    private WebApplication Build(int port)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromDays(1); // An infinite one overflows and ends connections at once. ApiConnection has the limits.
            kestrel.Listen(IPAddress.Loopback, port, Configure);
            if (Options.ListenOnIPv6)
                kestrel.Listen(IPAddress.IPv6Loopback, port, Configure);
        });
        var web = builder.Build();
        if (Options.PathPrefix.Length > 0)
            web.UsePathBase(Options.PathPrefix);
        web.Use(ApiConnections.AnswerAsync);
        web.Run(_server.ServeAsync);
        return web;
    }

    private void Configure(ListenOptions listen)
    {
        listen.Use(next => connection => _connections.AcceptAsync(connection, next));
        Secure(listen);
        listen.Use(next => connection => _connections.ServeAsync(connection, next));
    }

    private void Secure(ListenOptions listen)
    {
        if (Options.PlainHttp)
            return;
        listen.UseHttps(new HttpsConnectionAdapterOptions
        {
            ServerCertificate = _certificates.IssueServer(Options.CertificateNames),
            ClientCertificateMode = ClientCertificateMode.AllowCertificate,

            // The connection's own limit comes first; Kestrel takes no infinite one.
            HandshakeTimeout = TimeSpan.FromDays(1),

            // Like the API server: whose certificate it is, is a question of authentication, not of TLS.
            ClientCertificateValidation = (_, _, _) => true,
        });
    }

    /// <summary>A port that is free on both loopback addresses at this moment.</summary>
    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        socket.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
