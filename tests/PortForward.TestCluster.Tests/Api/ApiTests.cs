using System.Net;
using System.Security.Cryptography.X509Certificates;
using PortForward.Testing.Api;

namespace PortForward.Testing.Tests.Api;

public sealed class ApiTests : IAsyncLifetime
{
    private const string Pods = "/api/v1/namespaces/default/pods";

    private TestCluster _cluster = null!;
    private ApiClient _client = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _client = ApiClient.To(_cluster);
    }

    public async Task DisposeAsync()
    {
        _client.Dispose();
        await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task Nobody_known_gets_401_in_the_API_servers_words()
    {
        using var stranger = ApiClient.To(_cluster, token: "wrong");
        using var anonymous = ApiClient.To(_cluster, token: "");
        foreach (var client in new[] { stranger, anonymous })
        {
            var (status, json) = await client.GetAsync(Pods);
            status.Should().Be(HttpStatusCode.Unauthorized);
            json.ToJsonString().Should().Be(
                """{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}""");
        }
    }

    [Fact]
    public async Task A_renewed_token_replaces_the_old_one()
    {
        var old = _cluster.Admin.Token;
        _cluster.Admin.RenewToken();
        using var stale = ApiClient.To(_cluster, old);
        using var fresh = ApiClient.To(_cluster, _cluster.Admin.Token);

        (await stale.GetAsync(Pods)).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await fresh.GetAsync(Pods)).Status.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_client_certificate_names_its_user()
    {
        var alice = _cluster.Users.Add("alice", "developers");
        using var pem = X509Certificate2.CreateFromPem(alice.CertificatePem, alice.KeyPem);
        using var certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pfx), null);
        using var client = ApiClient.To(_cluster, certificate: certificate);

        (await client.GetAsync(Pods)).Status.Should().Be(HttpStatusCode.OK);
        _cluster.Requests[^1].User.Should().Be("alice");
    }

    [Fact]
    public async Task A_client_certificate_of_another_authority_is_nobodys()
    {
        await using var other = await TestCluster.StartAsync();
        using var pem = X509Certificate2.CreateFromPem(other.Admin.CertificatePem, other.Admin.KeyPem);
        using var certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pfx), null);
        using var client = ApiClient.To(_cluster, certificate: certificate);

        (await client.GetAsync(Pods)).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_missing_object_is_told_in_the_API_servers_words()
    {
        var (status, json) = await _client.GetAsync($"{Pods}/x");
        status.Should().Be(HttpStatusCode.NotFound);
        ((string)json["message"]!).Should().Be("pods \"x\" not found");
        json["details"]!.ToJsonString().Should().Be("""{"name":"x","kind":"pods"}""");

        (_, json) = await _client.GetAsync("/apis/apps/v1/namespaces/default/deployments/x");
        ((string)json["message"]!).Should().Be("deployments.apps \"x\" not found");
        json["details"]!.ToJsonString().Should().Be("""{"name":"x","group":"apps","kind":"deployments"}""");
    }

    [Theory]
    [InlineData(Pods + "/x", "pods \"x\" is forbidden: User \"admin\" cannot get resource \"pods\" in API group \"\" in the namespace \"default\"")]
    [InlineData(Pods, "pods is forbidden: User \"admin\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"")]
    [InlineData("/api/v1/pods?watch=true", "pods is forbidden: User \"admin\" cannot watch resource \"pods\" in API group \"\" at the cluster scope")]
    [InlineData("/apis/apps/v1/deployments", "deployments.apps is forbidden: User \"admin\" cannot list resource \"deployments\" in API group \"apps\" at the cluster scope")]
    public async Task A_missing_right_is_told_in_the_API_servers_words(string path, string message)
    {
        _cluster.Access.Deny("admin", "*", "*");

        var (status, json) = await _client.GetAsync(path);
        status.Should().Be(HttpStatusCode.Forbidden);
        ((string)json["message"]!).Should().Be(message);
        ((string)json["reason"]!).Should().Be("Forbidden");
    }

    [Fact]
    public async Task Rights_are_per_user_verb_resource_and_namespace()
    {
        _cluster.Users.Add("bob");
        _cluster.Access.AllowOnly("bob", ("get", "pods"));
        _cluster.Access.Deny("admin", "list", "pods", inNamespace: "default");

        (await _client.GetAsync(Pods)).Status.Should().Be(HttpStatusCode.Forbidden);
        (await _client.GetAsync("/api/v1/namespaces/other/pods")).Status.Should().Be(HttpStatusCode.OK);
        _cluster.Access.Clear();
        (await _client.GetAsync(Pods)).Status.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Impersonation_makes_the_request_another_users_when_it_is_allowed()
    {
        using (await _client.SendAsync(HttpMethod.Get, Pods, headers: ("Impersonate-User", "carol")))
            _cluster.Requests[^1].User.Should().Be("carol");

        _cluster.Access.Deny("admin", "impersonate", "users");
        using var denied = await _client.SendAsync(HttpMethod.Get, Pods, headers: ("Impersonate-User", "carol"));
        denied.StatusCode.Should().Be(HttpStatusCode.Forbidden);
    }

    [Theory]
    [InlineData("", "a b c")]
    [InlineData("?labelSelector=app%3Dweb", "a b")]
    [InlineData("?labelSelector=app%3D%3Dweb,tier%3Dfront", "a")]
    [InlineData("?labelSelector=app!%3Dweb", "c")]
    [InlineData("?labelSelector=tier", "a")]
    [InlineData("?labelSelector=!tier", "b c")]
    [InlineData("?labelSelector=app%20in%20(web,%20db)", "a b c")]
    [InlineData("?labelSelector=app%20notin%20(web),!tier", "c")]
    [InlineData("?fieldSelector=metadata.name%3Db", "b")]
    [InlineData("?fieldSelector=status.phase%3DPending", "c")]
    [InlineData("?fieldSelector=spec.nodeName!%3Dnode-1", "c")]
    [InlineData("?fieldSelector=status.phase%3DRunning&labelSelector=tier", "a")]
    public async Task Lists_are_selected_by_labels_and_fields(string query, string names)
    {
        _cluster.Pods.Add(TestPod.Named("a").Label("app", "web").Label("tier", "front"));
        _cluster.Pods.Add(TestPod.Named("b").Label("app", "web"));
        _cluster.Pods.Add(TestPod.Named("c").Label("app", "db").Phase("Pending").OnNode(""));
        _cluster.Pods.Add(TestPod.Named("elsewhere").In("other").Label("app", "web"));

        (await _client.ListAsync(Pods + query)).Should().Equal(names.Split(' '));
    }

    [Fact]
    public async Task A_selector_that_is_none_is_a_bad_request()
    {
        (await _client.GetAsync(Pods + "?fieldSelector=colour%3Dred")).Status.Should().Be(HttpStatusCode.BadRequest);
        (await _client.GetAsync(Pods + "?labelSelector=a%3D%3D%3Db")).Status.Should().Be(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task Long_lists_come_in_pages()
    {
        foreach (var name in new[] { "a", "b", "c" })
            _cluster.Pods.Add(TestPod.Named(name));

        var (_, first) = await _client.GetAsync(Pods + "?limit=2");
        first["items"]!.AsArray().Should().HaveCount(2);
        ((int)first["metadata"]!["remainingItemCount"]!).Should().Be(1);
        (await _client.ListAsync($"{Pods}?limit=2&continue={Uri.EscapeDataString((string)first["metadata"]!["continue"]!)}")).Should().Equal("c");
    }

    [Fact]
    public async Task The_items_of_a_list_have_no_kind_and_the_list_has()
    {
        _cluster.Pods.Add(TestPod.Named("a"));

        var (_, list) = await _client.GetAsync(Pods);
        ((string)list["kind"]!).Should().Be("PodList");
        list["items"]![0]!.AsObject().ContainsKey("kind").Should().BeFalse();
        (await _client.GetAsync(Pods + "/a")).Json.ContainsKey("kind").Should().BeTrue();
    }

    [Fact]
    public async Task Every_kind_of_workload_is_served()
    {
        _cluster.Add(TestObjects.Service("s", "app=x", new ServicePort(80)))
            .Add(TestObjects.Deployment("d", "app=x")).Add(TestObjects.ReplicaSet("r", "app=x", ownedBy: "d"))
            .Add(TestObjects.StatefulSet("t", "app=x")).Add(TestObjects.DaemonSet("e", "app=x"))
            .Add(TestObjects.Job("j", "app=x")).Add(TestObjects.ReplicationController("c", "app=x"));

        (await _client.ListAsync("/api/v1/services")).Should().Equal("s");
        (await _client.ListAsync("/apis/apps/v1/deployments")).Should().Equal("d");
        (await _client.ListAsync("/apis/apps/v1/replicasets")).Should().Equal("r");
        (await _client.ListAsync("/apis/apps/v1/statefulsets")).Should().Equal("t");
        (await _client.ListAsync("/apis/apps/v1/daemonsets")).Should().Equal("e");
        (await _client.ListAsync("/apis/batch/v1/jobs")).Should().Equal("j");
        (await _client.ListAsync("/api/v1/replicationcontrollers")).Should().Equal("c");
        (await _client.ListAsync("/api/v1/namespaces")).Should().Equal("default", "kube-system");
    }

    [Fact]
    public async Task HTTP_2_is_served_too()
    {
        using var response = await _client.SendAsync(HttpMethod.Get, "/version", HttpVersion.Version20);

        response.Version.Should().Be(HttpVersion.Version20);
        (await response.Content.ReadAsStringAsync()).Should().Contain("\"minor\":\"36\"");
    }

    [Fact]
    public async Task A_certificate_for_another_host_is_not_trusted()
    {
        await using var cluster = await TestCluster.StartAsync(new TestClusterOptions { CertificateNames = ["example.org"] });
        using var client = ApiClient.To(cluster);

        var get = () => client.GetAsync("/version");
        await get.Should().ThrowAsync<HttpRequestException>();
    }

    [Fact]
    public async Task The_server_listens_on_both_loopback_addresses_when_asked()
    {
        await using var cluster = await TestCluster.StartAsync(new TestClusterOptions { ListenOnIPv6 = true, PlainHttp = true });
        using var http = new HttpClient();

        foreach (var host in new[] { "127.0.0.1", "[::1]" })
            (await http.GetAsync(new Uri($"http://{host}:{cluster.Server.Port}/version"))).StatusCode.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_fault_answers_as_the_API_server_would()
    {
        using var plan = _cluster.Faults.Next(request => request.Path == Pods, RequestFault.Status(429, TimeSpan.FromSeconds(7)));
        using var response = await _client.SendAsync(HttpMethod.Get, Pods);

        response.StatusCode.Should().Be(HttpStatusCode.TooManyRequests);
        response.Headers.RetryAfter!.Delta.Should().Be(TimeSpan.FromSeconds(7));
        (await response.Content.ReadAsStringAsync()).Should().Contain("\"reason\":\"TooManyRequests\"");
        (await _client.GetAsync(Pods)).Status.Should().Be(HttpStatusCode.OK, "the fault was planned for one request");
    }

    [Fact]
    public async Task A_fault_lasts_until_its_plan_is_disposed()
    {
        using (_cluster.Faults.Always(_ => true, RequestFault.Status(503)))
        {
            (await _client.GetAsync(Pods)).Status.Should().Be(HttpStatusCode.ServiceUnavailable);
            (await _client.GetAsync(Pods)).Status.Should().Be(HttpStatusCode.ServiceUnavailable);
        }

        (await _client.GetAsync(Pods)).Status.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_fault_can_cut_the_connection()
    {
        using var plan = _cluster.Faults.Always(_ => true, RequestFault.Cut);

        var get = () => _client.GetAsync(Pods);
        await get.Should().ThrowAsync<HttpRequestException>();
    }

    [Fact]
    public async Task A_fault_can_delay_the_answer()
    {
        using var plan = _cluster.Faults.Next(_ => true, RequestFault.Delay(TimeSpan.FromMilliseconds(80)));
        var started = TimeProvider.System.GetTimestamp();

        (await _client.GetAsync(Pods)).Status.Should().Be(HttpStatusCode.OK);
        TimeProvider.System.GetElapsedTime(started).Should().BeGreaterThan(TimeSpan.FromMilliseconds(75));
    }

    [Fact]
    public async Task Requests_are_recorded_without_their_secrets()
    {
        await _client.GetAsync(Pods + "?limit=5");

        var request = _cluster.Requests.Should().ContainSingle().Subject;
        request.Should().BeEquivalentTo(new { Method = "GET", Path = Pods, Query = "?limit=5", Status = 200, User = "admin" });
        request.Headers["Authorization"].Should().ContainSingle().Which.Should().StartWith("Bearer sha256:").And.NotContain(_cluster.Admin.Token);
    }

    [Fact]
    public async Task A_deleted_pod_is_gone()
    {
        var pod = _cluster.Pods.Add(TestPod.Probe("a"));
        using (var deleted = await _client.SendAsync(HttpMethod.Delete, Pods + "/a"))
            deleted.StatusCode.Should().Be(HttpStatusCode.OK);

        (await _client.GetAsync(Pods + "/a")).Status.Should().Be(HttpStatusCode.NotFound);
        pod.Ready(false);
        (await _client.ListAsync(Pods)).Should().BeEmpty("a change of a deleted pod brings nothing back");
    }

    [Fact]
    public async Task The_kubeconfig_is_its_owners_alone()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        _cluster.WriteKubeconfig(path, inNamespace: "other");

        (await File.ReadAllTextAsync(path)).Should().Contain(_cluster.Server.ToString().TrimEnd('/')).And.Contain("namespace: other");
        if (!OperatingSystem.IsWindows())
            File.GetUnixFileMode(path).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.Delete(path);
    }
}
