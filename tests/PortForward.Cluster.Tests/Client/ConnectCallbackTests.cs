using System.Net;
using PortForward.Testing;

namespace PortForward.Cluster.Tests.Client;

/// <summary>An HTTP client that reaches services by the names that they have in the cluster.</summary>
public sealed class ConnectCallbackTests : ClusterClientTestBase
{
    [Theory]
    [InlineData("http://web/")]
    [InlineData("http://web.default/")]
    [InlineData("http://web.default.svc/")]
    [InlineData("http://web.default.svc.cluster.local/")]
    [InlineData("http://WEB.Default:80/")]
    public async Task A_service_is_reached_by_its_name_in_the_cluster(string url)
    {
        AddWeb("web-1");
        using HttpClient http = NewHttp();

        (await http.GetStringAsync(url).Soon()).Should().StartWith("host web-1 path /");
    }

    [Fact]
    public async Task A_service_in_another_namespace()
    {
        Cluster.Add(TestObjects.Namespace("shop"));
        Cluster.Pods.Add(TestPod.Probe("cart-1").In("shop").Label("app", "cart"));
        Cluster.Add(TestObjects.Service("cart", "app=cart", "10.96.0.11", [new ServicePort(8000, "http", "web")], inNamespace: "shop"));
        using HttpClient http = NewHttp();

        (await http.GetStringAsync("http://cart.shop:8000/items").Soon()).Should().StartWith("host cart-1 path /items");
    }

    [Fact]
    public async Task Many_requests_and_large_answers_use_connections_again()
    {
        AddWeb("web-1");
        using HttpClient http = NewHttp();

        byte[][] answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => http.GetByteArrayAsync($"http://web/size/{i * 10_000}"))).Soon();
        for (int i = 0; i < 20; i++)
        {
            await http.GetStringAsync("http://web/").Soon();
        }

        answers.Select(answer => answer.Length).Should().Equal(Enumerable.Range(0, 40).Select(i => i * 10_000));
        Cluster.Activity.ConnectionsOpened.Should().BeLessThanOrEqualTo(40);
        using HttpResponseMessage posted = await http.PostAsync("http://web/", new ByteArrayContent(new byte[1_000_000])).Soon();
        posted.StatusCode.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_pod_that_is_swapped_costs_no_request()
    {
        TestPod first = AddWeb("web-1");
        using HttpClient http = NewHttp();
        (await http.GetStringAsync("http://web/").Soon()).Should().Contain("web-1");

        AddWeb("web-2");
        first.Delete();

        (await http.GetStringAsync("http://web/").Soon()).Should().Contain("web-2");
    }

    [Theory]
    [InlineData("http://example.org.uk/", "\"example.org.uk\" is no name of a service: *")]
    [InlineData("http://127.0.0.1/", "\"127.0.0.1\" is no name of a service: *")]
    [InlineData("http://nobody/", "Error from server (NotFound): services \"nobody\" not found")]
    [InlineData("http://web.nowhere/", "Error from server (NotFound): namespaces \"nowhere\" not found")]
    [InlineData("http://web:81/", "Service web does not have a service port 81")]
    public async Task What_cannot_be_reached_is_one_sentence(string url, string sentence)
    {
        AddWeb("web-1");
        using HttpClient http = NewHttp();

        (await http.Invoking(client => client.GetStringAsync(url).Soon()).Should().ThrowAsync<HttpRequestException>())
            .Which.InnerException.Should().BeOfType<ClusterException>().Which.Message.Should().Match(sentence);
    }

    [Fact]
    public async Task A_request_that_is_cancelled_leaves_nothing()
    {
        AddWeb("web-1").Serves(8080, Testing.Applications.TestApplications.NeverReads);
        using HttpClient http = NewHttp();
        using var cancel = new CancellationTokenSource();
        Task<string> request = http.GetStringAsync("http://web/", cancel.Token);
        await Cluster.Activity.WaitUntilAsync(now => now.Connections == 1);

        await cancel.CancelAsync();

        await request.Soon().Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();
        await Cluster.Activity.WaitUntilAsync(now => now.Connections == 0);
    }

    private HttpClient NewHttp() => new(new SocketsHttpHandler { UseProxy = false, ConnectCallback = Client.ConnectCallback });
}
