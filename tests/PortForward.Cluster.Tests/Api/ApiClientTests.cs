using System.Net;
using System.Net.Sockets;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Tests.Api;

public sealed class ApiClientTests
{
    private const string PodPath = "/api/v1/namespaces/shop/pods/web";
    private const string PodsPath = "/api/v1/namespaces/shop/pods";

    private static Pod Pod(string name) => new() { Metadata = new ObjectMeta { Name = name } };

    private static ObjectList<Pod> Page(string? next, params string[] names) =>
        new() { Items = [.. names.Select(Pod)], Metadata = new ListMeta { ResourceVersion = "9", Continue = next } };

    private static Task<Pod> GetWeb(ApiClient client) => client.GetAsync(ApiResources.Pods, "shop", "web", CancellationToken.None);

    [Fact]
    public async Task One_look_up_is_one_request()
    {
        using var server = new FakeApiServer();
        server.Answer(PodPath, Pod("web"));

        Pod pod = await GetWeb(server.Client());

        pod.Metadata!.Name.Should().Be("web");
        server.Requests.Should().Equal(PodPath);
    }

    [Fact]
    public async Task A_path_prefix_of_the_server_is_kept()
    {
        using var server = new FakeApiServer();
        server.Answer("/k8s/clusters/c-1" + PodPath, Pod("web"));

        await GetWeb(server.Client(server: "https://rancher.test/k8s/clusters/c-1/"));

        server.Requests.Should().Equal("/k8s/clusters/c-1" + PodPath);
    }

    [Fact]
    public async Task Grouped_resources_are_read_from_their_group()
    {
        using var server = new FakeApiServer();
        server.Answer("/apis/apps/v1/namespaces/shop/deployments/web", new Workload { Metadata = new ObjectMeta { Name = "web" } });

        (await server.Client().GetAsync(ApiResources.Deployments, "shop", "web", CancellationToken.None)).Metadata!.Name.Should().Be("web");
    }

    [Fact]
    public async Task A_refusal_is_told_in_the_servers_words()
    {
        using var server = new FakeApiServer();
        server.Miss(PodPath, "pods", "web");

        ClusterException refused = (await FluentActions.Awaiting(() => GetWeb(server.Client())).Should().ThrowAsync<ClusterException>()).Which;

        refused.Message.Should().Be("Error from server (NotFound): pods \"web\" not found");
        refused.IsVerbatim.Should().BeTrue();
        refused.StatusCode.Should().Be(HttpStatusCode.NotFound);
        refused.IsObjectMissing.Should().BeTrue();
    }

    [Fact]
    public async Task A_404_of_a_gateway_does_not_say_that_the_object_is_missing()
    {
        using var server = new FakeApiServer();
        server.Answer(PodPath, HttpStatusCode.NotFound, "404 page not found", "text/plain");

        ClusterException refused = (await FluentActions.Awaiting(() => GetWeb(server.Client())).Should().ThrowAsync<ClusterException>()).Which;

        refused.StatusCode.Should().Be(HttpStatusCode.NotFound);
        refused.IsObjectMissing.Should().BeFalse();
    }

    [Theory]
    [InlineData("text/html", "<html>Please log in</html>", "text/html")]
    [InlineData("application/json", "<html>Please log in</html>", "no valid JSON")]
    [InlineData("application/json", "{\"kind\":\"Pod\"", "no valid JSON")]
    [InlineData("application/json", "{\"kind\":\"Pod\",\"metadata\":[]}", "no valid JSON")]
    [InlineData("application/json", "null", "null")]
    [InlineData("application/json", "{}", "an object without a name")]
    public async Task An_answer_that_no_API_server_gives_is_named(string type, string body, string what)
    {
        using var server = new FakeApiServer();
        server.Answer(PodPath, HttpStatusCode.OK, body, type);

        await FluentActions.Awaiting(() => GetWeb(server.Client())).Should().ThrowAsync<ClusterException>()
            .WithMessage($"the server at cluster.test answered with {what}; check that it is a Kubernetes API server and not a log-in page or a proxy before it");
    }

    [Fact]
    public async Task A_refused_connection_is_told_as_kubectl_tells_it()
    {
        using var server = new FakeApiServer();
        server.Fail(PodPath, new HttpRequestException("Connection refused (cluster.test:6443)", new SocketException((int)SocketError.ConnectionRefused)));

        ClusterException refused = (await FluentActions.Awaiting(() => GetWeb(server.Client(server: "https://cluster.test:6443/"))).Should().ThrowAsync<ClusterException>()).Which;

        refused.Message.Should().Be("The connection to the server cluster.test:6443 was refused - did you specify the right host or port?");
        refused.IsVerbatim.Should().BeTrue();
        refused.StatusCode.Should().BeNull();
    }

    [Fact]
    public async Task What_the_transport_has_already_told_is_passed_on()
    {
        using var server = new FakeApiServer();
        server.Fail(PodPath, new HttpRequestException("wrapped", new ClusterException("the proxy refused") { IsVerbatim = false }));

        await FluentActions.Awaiting(() => GetWeb(server.Client())).Should().ThrowAsync<ClusterException>().WithMessage("the proxy refused");
    }

    [Fact]
    public async Task Any_other_failure_to_connect_names_its_cause()
    {
        using var server = new FakeApiServer();
        server.Fail(PodPath, new HttpRequestException("see inner exception", new IOException("the certificate\nis bad")));

        await FluentActions.Awaiting(() => GetWeb(server.Client())).Should().ThrowAsync<ClusterException>()
            .WithMessage("Unable to connect to the server: the certificate is bad");
    }

    [Fact]
    public async Task A_look_up_ends_at_the_request_timeout()
    {
        using var server = new FakeApiServer();
        server.Hang(PodPath);
        var time = new ObservedTime();
        Task<Pod> look = GetWeb(server.Client(time, TimeSpan.FromSeconds(5)));

        await time.PassAsync(TimeSpan.FromSeconds(5));

        await FluentActions.Awaiting(() => look).Should().ThrowAsync<ClusterException>()
            .WithMessage("Unable to connect to the server: no answer within 5 s (--request-timeout)");
    }

    [Fact]
    public async Task The_callers_cancellation_is_no_fault_of_the_server()
    {
        using var server = new FakeApiServer();
        server.Hang(PodPath);
        using var ended = new CancellationTokenSource();
        Task<Pod> look = server.Client(requestTimeout: TimeSpan.FromMinutes(1)).GetAsync(ApiResources.Pods, "shop", "web", ended.Token);

        await ended.CancelAsync();

        await FluentActions.Awaiting(() => look).Should().ThrowAsync<OperationCanceledException>();
    }

    [Theory]
    [InlineData(0, 10, 10)]
    [InlineData(60, 10, 10)]
    [InlineData(5, 10, 5)]
    public async Task A_client_with_a_limit_takes_the_shorter_one(int own, int limit, int expected)
    {
        using var server = new FakeApiServer();
        server.Hang(PodPath);
        var time = new ObservedTime();

        Task<Pod> look = GetWeb(server.Client(time, TimeSpan.FromSeconds(own)).WithTimeout(TimeSpan.FromSeconds(limit)));
        await time.PassAsync(TimeSpan.FromSeconds(expected));

        await FluentActions.Awaiting(() => look).Should().ThrowAsync<ClusterException>();
    }

    [Theory]
    [InlineData(429)]
    [InlineData(503)]
    public async Task A_throttled_look_up_is_sent_again_after_the_wait_the_server_asks_for(int code)
    {
        using var server = new FakeApiServer();
        server.Answer(PodPath, (HttpStatusCode)code, "slow down", "text/plain", retryAfter: 3).Answer(PodPath, Pod("web"));
        var time = new ObservedTime();
        Task<Pod> look = GetWeb(server.Client(time));

        await time.PassAsync(TimeSpan.FromSeconds(3));

        (await look).Metadata!.Name.Should().Be("web");
        server.Requests.Should().HaveCount(2);
    }

    [Fact]
    public async Task A_look_up_that_stays_throttled_fails_after_ten_more_tries()
    {
        using var server = new FakeApiServer();
        server.Answer(PodPath, HttpStatusCode.TooManyRequests, "", "text/plain", retryAfter: 0);

        (await FluentActions.Awaiting(() => GetWeb(server.Client())).Should().ThrowAsync<ClusterException>())
            .Which.StatusCode.Should().Be(HttpStatusCode.TooManyRequests);
        server.Requests.Should().HaveCount(11);
    }

    [Theory]
    [InlineData(429, null)]
    [InlineData(429, 3600)]
    [InlineData(404, 1)]
    public async Task Without_a_reasonable_wait_there_is_no_second_try(int code, int? retryAfter)
    {
        using var server = new FakeApiServer();
        server.Answer(PodPath, (HttpStatusCode)code, "", "text/plain", retryAfter);

        (await FluentActions.Awaiting(() => GetWeb(server.Client())).Should().ThrowAsync<ClusterException>()).Which.StatusCode.Should().Be((HttpStatusCode)code);
        server.Requests.Should().HaveCount(1);
    }

    [Fact]
    public async Task A_timeout_during_the_wait_tells_why_it_was_waited()
    {
        using var server = new FakeApiServer();
        server.Answer(PodPath, HttpStatusCode.TooManyRequests, "", "text/plain", retryAfter: 20);
        var time = new ObservedTime();
        Task<Pod> look = GetWeb(server.Client(time, TimeSpan.FromSeconds(5)));

        await time.PassAsync(TimeSpan.FromSeconds(5));

        (await FluentActions.Awaiting(() => look).Should().ThrowAsync<ClusterException>()).Which.StatusCode.Should().Be(HttpStatusCode.TooManyRequests);
    }

    [Fact]
    public async Task A_list_is_read_page_by_page()
    {
        using var server = new FakeApiServer();
        server.Answer(PodsPath, Page("a&b", "one", "two")).Answer(PodsPath, Page(null, "three"));

        ApiList<Pod> pods = await server.Client().ListAsync(ApiResources.Pods, "shop", new ApiSelection("app in (x,y)"), CancellationToken.None);

        pods.Items.Select(pod => pod.Metadata!.Name).Should().Equal("one", "two", "three");
        pods.ResourceVersion.Should().Be("9");
        server.Requests.Should().Equal(
            PodsPath + "?labelSelector=app in (x,y)&limit=500",
            PodsPath + "?labelSelector=app in (x,y)&limit=500&continue=a&b");
    }

    [Fact]
    public async Task A_list_whose_pages_expire_is_read_at_once()
    {
        using var server = new FakeApiServer();
        server.Answer(PodsPath, Page("next", "one"));
        server.Refuse(PodsPath, HttpStatusCode.Gone, "Expired", "The provided continue parameter is too old");
        server.Answer(PodsPath, Page(null, "one", "two"));

        ApiList<Pod> pods = await server.Client().ListAsync(ApiResources.Pods, "shop", ApiSelection.Named("x"), CancellationToken.None);

        pods.Items.Should().HaveCount(2);
        server.Requests.Last().Should().Be(PodsPath + "?fieldSelector=metadata.name=x");
    }

    [Fact]
    public async Task An_empty_list_is_an_answer()
    {
        using var server = new FakeApiServer();
        server.Answer(PodsPath, HttpStatusCode.OK, """{"kind":"PodList","metadata":{"resourceVersion":"1"},"items":null}""");

        (await server.Client().ListAsync(ApiResources.Pods, "shop", ApiSelection.All, CancellationToken.None)).Items.Should().BeEmpty();
    }

    [Fact]
    public async Task A_list_whose_pages_never_end_is_refused()
    {
        using var server = new FakeApiServer();
        for (int page = 0; page < 1000; page++)
        {
            server.Answer(PodsPath, Page($"page-{page}", $"pod-{page}"));
        }

        await FluentActions.Awaiting(() => ListAsync(server)).Should().ThrowAsync<ClusterException>().WithMessage("*of pages that are far too small; check that*");
        server.Requests.Should().HaveCount(401);
    }

    [Theory]
    [InlineData("next", "next")]
    [InlineData("one", "two", "one")]
    public async Task A_list_that_leads_back_to_an_earlier_page_is_refused(params string[] pages)
    {
        using var server = new FakeApiServer();
        foreach (string next in pages)
        {
            server.Answer(PodsPath, Page(next, "pod"));
        }

        await FluentActions.Awaiting(() => ListAsync(server)).Should().ThrowAsync<ClusterException>().WithMessage("*a list that leads back to an earlier page; check that*");
        server.Requests.Should().HaveCount(pages.Length);
    }

    [Fact]
    public async Task An_empty_page_of_a_list_that_goes_on_is_refused()
    {
        using var server = new FakeApiServer();
        server.Answer(PodsPath, Page("next"));

        await FluentActions.Awaiting(() => ListAsync(server)).Should().ThrowAsync<ClusterException>().WithMessage("*an empty page of a list that goes on; check that*");
        server.Requests.Should().ContainSingle();
    }

    [Fact]
    public async Task An_object_that_is_larger_than_any_is_refused_before_it_is_read_whole()
    {
        using var server = new FakeApiServer();
        FakeWatch body = server.Stream(PodPath, HttpStatusCode.OK);
        string megabyte = new('x', 1 << 20);
        body.SendText("{\"metadata\":{\"name\":\"web\",\"annotations\":{\"x\":\"");
        for (int i = 0; i < 20; i++)
        {
            body.SendText(megabyte);
        }

        await FluentActions.Awaiting(() => GetWeb(server.Client())).Should().ThrowAsync<ClusterException>().WithMessage("*answered with more than 16 MB; check that*");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task A_refusal_whose_words_never_end_keeps_its_status(int requestTimeoutSeconds)
    {
        using var server = new FakeApiServer();
        server.Stream(PodPath, HttpStatusCode.Forbidden).SendText("not for ");
        var time = new ObservedTime();
        Task<Pod> look = GetWeb(server.Client(time, TimeSpan.FromSeconds(requestTimeoutSeconds)));

        await time.PassAsync(TimeSpan.FromSeconds(5));

        ClusterException refused = (await FluentActions.Awaiting(() => look).Should().ThrowAsync<ClusterException>()).Which;
        refused.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        refused.Message.Should().Contain("not for");
    }

    private static Task<ApiList<Pod>> ListAsync(FakeApiServer server) => server.Client().ListAsync(ApiResources.Pods, "shop", ApiSelection.All, CancellationToken.None);
}
