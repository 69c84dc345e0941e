using System.Net;

namespace PortForward.Testing.Tests.Api;

/// <summary>Endpoint slices as a real API server has them.</summary>
public sealed class EndpointSliceTests : IAsyncLifetime
{
    private const string Slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    private const string OfDb = "labelSelector=kubernetes.io%2Fservice-name%3Ddb";

    private static readonly ServicePort[] Ports = [new ServicePort(5432, "pg", "5433"), new ServicePort(9)];

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
    public async Task The_slices_of_a_service_are_listed_by_their_label()
    {
        var pod = _cluster.Pods.Add(TestPod.Named("db-0"));
        _cluster.Add(TestObjects.EndpointSlice("db-1", "db", Ports, [TestEndpoint.Of(pod, ready: true), new TestEndpoint("10.9.9.9")]));
        _cluster.Add(TestObjects.EndpointSlice("db-2", "db", [], []));
        _cluster.Add(TestObjects.EndpointSlice("web-1", "web", Ports, []));

        var list = (await _client.GetAsync($"{Slices}?{OfDb}")).Json;

        ((string)list["kind"]!).Should().Be("EndpointSliceList");
        list["items"]!.AsArray().Select(item => (string)item!["metadata"]!["name"]!).Should().Equal("db-1", "db-2");
        var slice = list["items"]![0]!;
        slice["addressType"]!.ToString().Should().Be("IPv4");
        slice["endpoints"]!.ToJsonString().Should().Be(
            $$$"""[{"addresses":["{{{pod.Address}}}"],"conditions":{"ready":true},"targetRef":{"kind":"Pod","namespace":"default","name":"db-0","uid":"{{{pod.Uid}}}"}},{"addresses":["10.9.9.9"],"conditions":{}}]""");
        slice["ports"]!.ToJsonString().Should().Be("""[{"name":"pg","port":5433,"protocol":"TCP"},{"name":"","protocol":"TCP"}]""");
        list["items"]![1]!.AsObject().Should().Contain(field => field.Key == "endpoints" && field.Value == null);
        slice.AsObject().Should().NotContainKey("status");
    }

    [Fact]
    public async Task A_slice_that_moves_is_told_to_who_watches_the_service()
    {
        _cluster.Add(TestObjects.EndpointSlice("db-1", "db", Ports, [new TestEndpoint("10.0.0.1")]));
        using var watch = await _client.WatchAsync($"{Slices}?watch=true&{OfDb}&resourceVersion={_cluster.Objects.ResourceVersion}");

        _cluster.Add(TestObjects.EndpointSlice("web-1", "web", Ports, [new TestEndpoint("10.0.0.3")]));
        _cluster.Add(TestObjects.EndpointSlice("db-1", "db", Ports, [new TestEndpoint("10.0.0.2")]));
        _cluster.Objects.Delete("endpointslices", "default", "db-1");

        var moved = await watch.NextJsonAsync();
        moved!["type"]!.ToString().Should().Be("MODIFIED");
        moved["object"]!["endpoints"]![0]!["addresses"]![0]!.ToString().Should().Be("10.0.0.2");
        (await watch.NextAsync()).Should().Be("DELETED db-1");
    }

    [Fact]
    public async Task Who_may_not_list_them_is_told_so_with_their_group()
    {
        _cluster.Access.Deny("*", "list", "endpointslices");

        var answer = await _client.GetAsync($"{Slices}?{OfDb}");

        answer.Status.Should().Be(HttpStatusCode.Forbidden);
        answer.Json["message"]!.ToString().Should().Be(
            "endpointslices.discovery.k8s.io is forbidden: User \"admin\" cannot list resource \"endpointslices\" in API group \"discovery.k8s.io\" in the namespace \"default\"");
    }

    [Fact]
    public void Each_pod_has_an_address_of_its_own()
    {
        TestPod[] pods = [.. Enumerable.Range(0, 600).Select(number => _cluster.Pods.Add(TestPod.Named($"pod-{number}")))];

        pods.Select(pod => pod.Address).Should().OnlyHaveUniqueItems().And.OnlyContain(address => IPAddress.Parse(address) != null);
    }
}
