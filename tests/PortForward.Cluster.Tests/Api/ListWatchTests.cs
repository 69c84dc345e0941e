using System.Net;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Tests.Api;

public sealed class ListWatchTests : IAsyncDisposable
{
    private const string List = "/api/v1/namespaces/shop/pods";
    private const string Watch = List + "?watch";

    private readonly FakeApiServer _server = new();
    private readonly ObservedTime _time = new();
    private readonly CancellationTokenSource _end = new();
    private IAsyncEnumerator<IReadOnlyCollection<Pod>>? _follow;
    private ListWatch<Pod>? _pods;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        if (_follow is not null)
        {
            await _follow.DisposeAsync();
        }

        _end.Dispose();
        _server.Dispose();
    }

    private static Pod Pod(string name, string version = "1") => new() { Metadata = new ObjectMeta { Name = name, ResourceVersion = version } };

    private static ObjectList<Pod> Pods(string version, params string[] names) =>
        new() { Items = [.. names.Select(name => Pod(name))], Metadata = new ListMeta { ResourceVersion = version } };

    private int WatchesAsked => _server.Requests.Count(request => request.Contains("watch", StringComparison.Ordinal));

    private async Task<string> NextAsync()
    {
        _pods ??= new ListWatch<Pod>(_server.Client(_time), ApiResources.Pods, "shop", ApiSelection.All, _time);
        _follow ??= _pods.FollowAsync(_end.Token).GetAsyncEnumerator(_end.Token);
        (await _follow.MoveNextAsync().Soon()).Should().BeTrue();
        return string.Join(' ', _follow.Current.Select(pod => pod.Metadata!.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_objects_are_told_at_once_and_after_each_change()
    {
        _server.Answer(List, Pods("5", "a"));
        _server.Watch(Watch).Send("ADDED", Pod("b")).Send("BOOKMARK", Pod(null!, "8")).Send("MODIFIED", Pod("b")).Send("DELETED", Pod("a"));

        (await NextAsync()).Should().Be("a");
        (await NextAsync()).Should().Be("a b");
        (await NextAsync()).Should().Be("a b");
        (await NextAsync()).Should().Be("b");
        _server.Requests.Should().HaveCount(2).And.Contain(List + "?watch=true&allowWatchBookmarks=true&resourceVersion=5");
    }

    [Fact]
    public async Task A_watch_that_ends_goes_on_where_it_ended()
    {
        _server.Answer(List, Pods("5"));
        _server.Watch(Watch).Send("ADDED", Pod("a", "6")).Send("BOOKMARK", Pod(null!, "9")).End();
        _server.Watch(Watch).Send("ADDED", Pod("b", "10"));
        (await NextAsync()).Should().BeEmpty();
        (await NextAsync()).Should().Be("a");

        Task<string> next = NextAsync();
        await _time.PassAsync(TimeSpan.FromMilliseconds(100));

        (await next).Should().Be("a b");
        _server.Requests.Last().Should().EndWith("resourceVersion=9");
    }

    [Fact]
    public async Task A_version_that_is_too_old_is_answered_by_a_new_list()
    {
        _server.Answer(List, Pods("5", "a")).Answer(List, Pods("50", "c"));
        _server.Refuse(Watch, HttpStatusCode.Gone, "Expired", "too old resource version: 5 (40)");
        _server.Watch(Watch);
        (await NextAsync()).Should().Be("a");

        (await NextAsync()).Should().Be("c");
    }

    [Fact]
    public async Task Without_the_right_to_watch_the_objects_are_listed_again_and_again()
    {
        _server.Answer(List, Pods("5", "a")).Answer(List, Pods("6", "a", "b")).Answer(List, Pods("7", "b"));
        _server.Refuse(Watch, HttpStatusCode.Forbidden, "Forbidden", "cannot watch");
        (await NextAsync()).Should().Be("a");

        Task<string> next = NextAsync();
        await _time.PassAsync(TimeSpan.FromSeconds(2));
        (await next).Should().Be("a b");
        next = NextAsync();
        await _time.PassAsync(TimeSpan.FromSeconds(2));
        (await next).Should().Be("b");

        WatchesAsked.Should().Be(1);
    }

    [Fact]
    public async Task A_watch_that_was_refused_is_tried_again_after_some_lists()
    {
        _server.Answer(List, Pods("5", "a"));
        _server.Refuse(Watch, HttpStatusCode.Forbidden, "Forbidden", "the authorizer has not started yet");
        _server.Watch(Watch).Send("ADDED", Pod("b"));
        (await NextAsync()).Should().Be("a");

        for (int lists = 1; lists < 13; lists++)
        {
            Task<string> next = NextAsync();
            await _time.PassAsync(TimeSpan.FromSeconds(2));
            (await next).Should().Be("a");
            WatchesAsked.Should().Be(1);
        }

        (await NextAsync()).Should().Be("a b");
        WatchesAsked.Should().Be(2);
    }

    [Fact]
    public async Task A_server_that_has_no_version_to_watch_from_is_listed_with_growing_waits()
    {
        _server.Answer(List, Pods("5", "a"));
        _server.Refuse(Watch, HttpStatusCode.Gone, "Expired", "too old resource version");
        (await NextAsync()).Should().Be("a");
        (await NextAsync()).Should().Be("a", "the first time it is listed again at once");

        foreach (double wait in new[] { 2, 4, 8, 15, 15.0 })
        {
            Task<string> next = NextAsync();
            next.IsCompleted.Should().BeFalse();
            await _time.PassAsync(TimeSpan.FromSeconds(wait));
            (await next).Should().Be("a");
        }
    }

    [Fact]
    public async Task A_watch_that_lasts_between_two_versions_that_are_too_old_ends_the_waits()
    {
        _server.Answer(List, Pods("5", "a"));
        _server.Refuse(Watch, HttpStatusCode.Gone, "Expired", "too old resource version");
        FakeWatch second = _server.Watch(Watch);
        _server.Refuse(Watch, HttpStatusCode.Gone, "Expired", "too old resource version");
        (await NextAsync()).Should().Be("a");
        (await NextAsync()).Should().Be("a");
        second.Send("ADDED", Pod("b"));
        (await NextAsync()).Should().Be("a b");

        Task<string> next = NextAsync();
        _time.Advance(TimeSpan.FromSeconds(15));
        second.End();
        await _time.PassAsync(TimeSpan.FromMilliseconds(100));
        await _time.PassAsync(TimeSpan.FromSeconds(2));

        (await next).Should().Be("a", "the waits have begun anew");
    }

    [Theory]
    [InlineData("""{"type":"ADDED","object":{"metadata":{"name":"b","resourceVersion":"9"}}}""" + "\n" + """{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}""" + "\n")]
    [InlineData("""{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}""" + "\n" + """{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}""" + "\n")]
    [InlineData("""{"type":"ADDED","object":{"metadata":{"name":"b","resourceVersion":"9"}}}""" + "\n" + """{"type":"ERROR","object":{"kind":"Status","code":401,"reason":"Unauthorized"}}""" + "\n")]
    [InlineData("""{"type":"ADDED","object":{"metadata":{"name":"b","resourceVersion":"9"}}}""" + "\n")]
    [InlineData("""{"type":"ADDED","object":null}""" + "\n")]
    [InlineData("")]
    public async Task A_server_that_ends_every_watch_at_once_is_asked_nine_times_in_the_first_minute_and_five_in_others_at_most(string watch)
    {
        _server.Answer(List, Pods("5", "a"));
        _server.Answer(Watch, HttpStatusCode.OK, watch);
        Task following = FollowAsync();
        TimeSpan hour = TimeSpan.FromHours(1);

        DateTimeOffset began = _time.GetUtcNow();
        int[] perMinute = new int[62];
        while (_time.GetUtcNow() - began < hour)
        {
            TimeSpan wait = await _time.NextWaitAsync();
            perMinute[(int)(_time.GetUtcNow() - began).TotalMinutes] += WatchesAsked - perMinute.Sum();
            _time.Advance(wait);
        }

        perMinute[0].Should().BeInRange(5, 9);
        perMinute[1..].Should().OnlyContain(watches => watches <= 5);
        WatchesAsked.Should().BeInRange(60, 5 * 60);
        (_server.Requests.Count - WatchesAsked).Should().BeInRange(1, 5 * 60);
        await _end.CancelAsync();
        await following;

        async Task FollowAsync()
        {
            try
            {
                await foreach (IReadOnlyCollection<Pod> _ in new ListWatch<Pod>(_server.Client(_time), ApiResources.Pods, "shop", ApiSelection.All, _time)
                    .FollowAsync(_end.Token))
                {
                }
            }
            catch (OperationCanceledException)
            {
                // The hour is over.
            }
        }
    }

    [Theory]
    [InlineData("{\"type\":\"ADDED\",\"object\":[]}\n")]
    [InlineData("no event at all\n")]
    public async Task A_watch_that_brings_nothing_but_faults_is_replaced_by_a_new_list(string faulty)
    {
        _server.Answer(List, Pods("5", "a")).Answer(List, Pods("9", "b"));
        for (int i = 0; i < 5; i++)
        {
            _server.Answer(Watch, HttpStatusCode.OK, faulty);
        }

        _server.Watch(Watch).Send("ADDED", Pod("c"));
        (await NextAsync()).Should().Be("a");

        Task<string> next = NextAsync();
        foreach (double wait in new[] { 0.1, 1, 2, 4, 8 })
        {
            await _time.PassAsync(TimeSpan.FromSeconds(wait));
        }

        (await next).Should().Be("b", "the fault may be in the event that follows the version of the first list");
        (await NextAsync()).Should().Be("b c");
        _server.Requests.Last().Should().EndWith("resourceVersion=9");
    }

    [Fact]
    public async Task Lost_connections_are_overcome_with_growing_waits()
    {
        _server.Answer(List, Pods("5", "a"));
        var lost = new HttpRequestException("no route");
        _server.Fail(Watch, lost).Fail(Watch, lost).Fail(Watch, lost);
        _server.Watch(Watch).Send("ADDED", Pod("b"));
        (await NextAsync()).Should().Be("a");

        Task<string> next = NextAsync();
        await _time.PassAsync(TimeSpan.FromMilliseconds(100));
        await _time.PassAsync(TimeSpan.FromSeconds(1));
        _pods!.Fault!.Message.Should().Be("Unable to connect to the server: no route");
        await _time.PassAsync(TimeSpan.FromSeconds(2));

        (await next).Should().Be("a b");
        _pods.Fault.Should().BeNull();
    }

    [Fact]
    public async Task The_first_list_that_fails_is_told()
    {
        _server.Refuse(List, HttpStatusCode.Forbidden, "Forbidden", "pods is forbidden: cannot list");

        await FluentActions.Awaiting(NextAsync).Should().ThrowAsync<ClusterException>().WithMessage("*cannot list");
    }

    [Fact]
    public async Task A_later_list_that_fails_in_passing_is_tried_again_and_one_that_is_refused_is_told()
    {
        _server.Answer(List, Pods("5", "a"));
        _server.Answer(List, HttpStatusCode.BadGateway, "bad gateway", "text/plain");
        _server.Answer(List, Pods("6", "b"));
        _server.Refuse(List, HttpStatusCode.Unauthorized, "Unauthorized", "Unauthorized");
        _server.Refuse(Watch, HttpStatusCode.Forbidden, "Forbidden", "cannot watch");
        (await NextAsync()).Should().Be("a");

        Task<string> next = NextAsync();
        await _time.PassAsync(TimeSpan.FromSeconds(2));
        await _time.PassAsync(TimeSpan.FromMilliseconds(100));
        (await next).Should().Be("b");

        next = NextAsync();
        await _time.PassAsync(TimeSpan.FromSeconds(2));
        await FluentActions.Awaiting(() => next).Should().ThrowAsync<ClusterException>().WithMessage("error: You must be logged in*");
    }
}
