using System.Net;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Tests.Api;

public sealed class ApiClientWatchTests : IDisposable
{
    private const string Path = "/api/v1/namespaces/shop/pods?watch";
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromMinutes(2);

    private readonly FakeApiServer _server = new();
    private readonly ObservedTime _time = new();

    public void Dispose() => _server.Dispose();

    private static Pod Pod(string name, string version) => new() { Metadata = new ObjectMeta { Name = name, ResourceVersion = version } };

    private async Task<List<ApiEvent<Pod>>> WatchAsync(TimeSpan requestTimeout = default)
    {
        List<ApiEvent<Pod>> events = [];
        await foreach (ApiEvent<Pod> next in _server.Client(_time, requestTimeout)
            .WatchAsync(ApiResources.Pods, "shop", new ApiSelection("app=web"), "7", SilenceLimit, CancellationToken.None))
        {
            events.Add(next);
        }

        return events;
    }

    [Fact]
    public async Task Events_are_read_in_order_until_the_server_ends_the_stream()
    {
        FakeWatch watch = _server.Watch(Path);
        watch.Send("ADDED", Pod("a", "8")).Send("MODIFIED", Pod("a", "9")).Send("DELETED", Pod("a", "10")).SendText("\n").Send("BOOKMARK", Pod(null!, "11")).End();

        List<ApiEvent<Pod>> events = await WatchAsync();

        events.Select(next => (next.Type, next.Object.Metadata!.ResourceVersion)).Should().Equal(
            (ApiEventType.Added, "8"), (ApiEventType.Modified, "9"), (ApiEventType.Deleted, "10"), (ApiEventType.Bookmark, "11"));
        _server.Requests.Should().Equal("/api/v1/namespaces/shop/pods?labelSelector=app=web&watch=true&allowWatchBookmarks=true&resourceVersion=7");
    }

    [Fact]
    public async Task An_event_may_arrive_in_pieces_and_be_large()
    {
        FakeWatch watch = _server.Watch(Path);
        string name = new('n', 100_000);
        watch.SendText("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"na").SendText("me\":\"").SendText(name).SendText("\"}}").SendText("}\n").End();

        (await WatchAsync()).Should().ContainSingle().Which.Object.Metadata!.Name.Should().Be(name);
    }

    [Fact]
    public async Task A_line_that_was_cut_off_is_not_an_event()
    {
        _server.Watch(Path).Send("ADDED", Pod("a", "8")).SendText("{\"type\":\"DELETED\",\"object\":{}}").End();

        (await WatchAsync()).Should().ContainSingle();
    }

    [Fact]
    public async Task An_error_event_says_that_the_version_is_too_old()
    {
        _server.Watch(Path).SendText("""{"type":"ERROR","object":{"kind":"Status","message":"too old resource version","reason":"Expired","code":410}}""" + "\n");

        (await FluentActions.Awaiting(() => WatchAsync()).Should().ThrowAsync<ClusterException>()).Which.StatusCode.Should().Be(HttpStatusCode.Gone);
    }

    [Theory]
    [InlineData("{}\n")]
    [InlineData("[]\n")]
    [InlineData("hello\n")]
    [InlineData("{\"type\":\"NEWS\",\"object\":{}}\n")]
    [InlineData("{\"type\":\"ADDED\",\"object\":null}\n")]
    [InlineData("{\"type\":\"ADDED\",\"object\":{\"metadata\":3}}\n")]
    public async Task A_line_that_is_no_event_is_a_fault(string line)
    {
        _server.Watch(Path).SendText(line).End();

        await FluentActions.Awaiting(() => WatchAsync()).Should().ThrowAsync<ClusterException>().WithMessage("the server at cluster.test answered with a watch event*");
    }

    [Fact]
    public async Task A_refused_watch_names_verb_and_resource()
    {
        _server.Refuse(Path, HttpStatusCode.Forbidden, "Forbidden", "pods is forbidden: User \"u\" cannot watch resource \"pods\"");

        await FluentActions.Awaiting(() => WatchAsync()).Should().ThrowAsync<ClusterException>()
            .WithMessage("Error from server (Forbidden): pods is forbidden: User \"u\" cannot watch resource \"pods\"");
    }

    [Fact]
    public async Task A_broken_stream_is_a_fault()
    {
        FakeWatch watch = _server.Watch(Path);
        watch.Send("ADDED", Pod("a", "8"));
        watch.BreakOff();

        await FluentActions.Awaiting(() => WatchAsync()).Should().ThrowAsync<ClusterException>().WithMessage("the server broke off the watch (watch pods): connection reset");
    }

    [Fact]
    public async Task A_silent_watch_ends_and_the_request_timeout_does_not_end_it()
    {
        _server.Watch(Path).Send("ADDED", Pod("a", "8"));
        Task<List<ApiEvent<Pod>>> watching = WatchAsync(requestTimeout: TimeSpan.FromSeconds(1));

        await _time.PassAsync(SilenceLimit);

        (await watching).Should().ContainSingle();
    }

    [Fact]
    public async Task Every_event_ends_the_silence()
    {
        FakeWatch watch = _server.Watch(Path);
        await using IAsyncEnumerator<ApiEvent<Pod>> events = _server.Client(_time)
            .WatchAsync(ApiResources.Pods, "shop", ApiSelection.All, null, SilenceLimit, CancellationToken.None).GetAsyncEnumerator();
        for (int beats = 0; beats < 3; beats++)
        {
            watch.Send("BOOKMARK", Pod(null!, "8"));
            (await events.MoveNextAsync()).Should().BeTrue();
            _time.Advance(SilenceLimit * 0.75);
        }

        _time.Advance(SilenceLimit * 0.25);
        (await events.MoveNextAsync()).Should().BeFalse();
    }

    [Fact]
    public async Task A_bookmark_is_read_as_servers_write_it()
    {
        _server.Watch(Path).SendText(
            """{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"12746","creationTimestamp":null},"spec":{"containers":null},"status":{}}}""" + "\n").End();

        (await WatchAsync()).Should().ContainSingle().Which.Object.Metadata!.ResourceVersion.Should().Be("12746");
    }

    [Fact]
    public async Task A_watch_that_is_not_even_answered_ends_too()
    {
        _server.Hang(Path);
        Task<List<ApiEvent<Pod>>> watching = WatchAsync();

        await _time.PassAsync(SilenceLimit);

        (await watching).Should().BeEmpty();
    }

    [Fact]
    public async Task A_line_without_end_does_not_fill_the_memory()
    {
        using var stream = new MemoryStream(new byte[100_000]);
        using var lines = new LineReader(stream, maxLength: 20_000);

        await FluentActions.Awaiting(() => lines.ReadLineAsync(CancellationToken.None).AsTask()).Should().ThrowAsync<InvalidDataException>();
    }

    [Fact]
    public async Task Lines_of_every_length_are_told_apart()
    {
        int[] lengths = [0, 1, 16383, 16384, 16385, 40000, 0, 5];
        using var stream = new MemoryStream();
        foreach (int length in lengths)
        {
            stream.Write(Enumerable.Repeat((byte)'x', length).Append((byte)'\n').ToArray());
        }

        stream.Position = 0;
        using var lines = new LineReader(stream, maxLength: 50_000);
        List<int> read = [];
        while (await lines.ReadLineAsync(CancellationToken.None) is { } line)
        {
            read.Add(line.Length);
        }

        read.Should().Equal(lengths);
    }
}
