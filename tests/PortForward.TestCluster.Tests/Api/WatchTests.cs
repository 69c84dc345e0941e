namespace PortForward.Testing.Tests.Api;

public sealed class WatchTests : IAsyncLifetime
{
    private const string Pods = "/api/v1/namespaces/default/pods?watch=true";

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
    public async Task Changes_arrive_in_their_order_with_rising_versions()
    {
        using var watch = await _client.WatchAsync(Pods);
        var pod = _cluster.Pods.Add(TestPod.Named("a"));
        pod.Ready(false);
        pod.Delete();

        var versions = new List<long>();
        foreach (var type in new[] { "ADDED", "MODIFIED", "DELETED" })
        {
            var change = await watch.NextJsonAsync();
            ((string)change!["type"]!).Should().Be(type);
            versions.Add(long.Parse((string)change["object"]!["metadata"]!["resourceVersion"]!));
        }

        versions.Should().BeInAscendingOrder().And.OnlyHaveUniqueItems();
    }

    [Fact]
    public async Task A_watch_without_a_version_begins_with_what_is_there()
    {
        _cluster.Pods.Add(TestPod.Named("a"));
        using var watch = await _client.WatchAsync(Pods);

        (await watch.NextAsync()).Should().Be("ADDED a");
    }

    [Fact]
    public async Task A_watch_from_a_version_begins_with_what_came_after_it()
    {
        var pod = _cluster.Pods.Add(TestPod.Named("a"));
        var version = _cluster.Objects.ResourceVersion;
        pod.Restarts(1);
        using var watch = await _client.WatchAsync($"{Pods}&resourceVersion={version}");

        (await watch.NextAsync()).Should().Be("MODIFIED a");
    }

    [Fact]
    public async Task An_object_that_leaves_the_selection_is_deleted_from_it()
    {
        var pod = _cluster.Pods.Add(TestPod.Named("a").Label("app", "web"));
        using var watch = await _client.WatchAsync(Pods + "&labelSelector=app%3Dweb");
        (await watch.NextAsync()).Should().Be("ADDED a");

        pod.Label("app", "other");
        (await watch.NextAsync()).Should().Be("DELETED a");
        pod.Label("app", "web");
        (await watch.NextAsync()).Should().Be("ADDED a");
    }

    [Fact]
    public async Task A_watch_from_a_forgotten_version_gets_410()
    {
        var version = _cluster.Objects.ResourceVersion;
        _cluster.Objects.Compact();
        using var watch = await _client.WatchAsync($"{Pods}&resourceVersion={version}");

        var error = await watch.NextJsonAsync();
        ((string)error!["type"]!).Should().Be("ERROR");
        ((int)error["object"]!["code"]!).Should().Be(410);
        ((string)error["object"]!["reason"]!).Should().Be("Expired");
        (await watch.NextAsync()).Should().BeNull();
    }

    [Fact]
    public async Task A_running_watch_can_expire()
    {
        using var watch = await _client.WatchAsync(Pods);
        await _cluster.Activity.WaitUntilAsync(now => now.Watches == 1);
        _cluster.Objects.ExpireWatches();

        ((int)(await watch.NextJsonAsync())!["object"]!["code"]!).Should().Be(410);
        (await watch.NextAsync()).Should().BeNull();
    }

    [Fact]
    public async Task A_watch_ends_in_order_after_its_own_time()
    {
        using var watch = await _client.WatchAsync(Pods + "&timeoutSeconds=1");

        (await watch.NextAsync()).Should().BeNull();
        await _cluster.Activity.WaitUntilAsync(now => now.Watches == 0);
    }

    [Fact]
    public async Task Bookmarks_come_only_to_those_who_asked()
    {
        using var with = await _client.WatchAsync(Pods + "&allowWatchBookmarks=true");
        using var without = await _client.WatchAsync(Pods);
        await _cluster.Activity.WaitUntilAsync(now => now.Watches == 2);
        _cluster.Objects.SendBookmarks();
        _cluster.Pods.Add(TestPod.Named("a"));

        (await with.NextAsync()).Should().Be("BOOKMARK ");
        (await without.NextAsync()).Should().Be("ADDED a");
    }

    [Fact]
    public async Task A_watch_that_asks_for_the_initial_events_is_told_where_they_end()
    {
        _cluster.Pods.Add(TestPod.Named("a"));
        using var watch = await _client.WatchAsync(Pods + "&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan");

        (await watch.NextAsync()).Should().Be("ADDED a");
        ((string)(await watch.NextJsonAsync())!["object"]!["metadata"]!["annotations"]!["k8s.io/initial-events-end"]!).Should().Be("true");
    }
}
