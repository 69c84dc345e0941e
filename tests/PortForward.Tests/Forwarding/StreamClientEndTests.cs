using System.Text;
using PortForward.Forwarding;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Forwarding;

/// <summary>The pump between a client in this process and a pod that is the test: what a socket's client is promised, this one is too.</summary>
public sealed class StreamClientEndTests : IAsyncLifetime
{
    private const string Refused = "error forwarding port 80 to pod x, uid : dial tcp4 127.0.0.1:80: connect: connection refused";

    private readonly CountingTime _time = new();
    private readonly FakeTunnelSource _tunnels = new() { HasOtherPods = true };
    private readonly CancellationTokenSource _stop = new();
    private readonly StreamClientEnd _client;
    private readonly ConnectionPump _pump;
    private readonly Task<ConnectionEnd> _run;

    public StreamClientEndTests()
    {
        var options = new PortForwarderOptions { Time = _time };
        _client = new StreamClientEnd(options);
        _pump = new ConnectionPump(_client, _tunnels, targetPort: 80, portIndex: 0, options);
        _run = _pump.RunAsync(_stop.Token);
    }

    public static TheoryData<string, ConnectionEndKind> BadEnds => ClientEndTests.BadEnds;

    [Fact]
    public async Task Bytes_go_both_ways_and_are_counted()
    {
        FakePair pair = (await _tunnels.NextAsync()).Pair;

        (await SendAsync("question")).Should().BeTrue();
        await Waiting.UntilAsync(() => pair.WrittenText == "question");
        pair.Deliver("answer");

        (await ReceiveAsync()).Should().Be("answer");
        await Waiting.UntilAsync(() => (_pump.BytesSent, _pump.BytesReceived) == (8, 6));
    }

    [Fact]
    public async Task A_whole_answer_ends_only_after_the_completion_status()
    {
        FakePair pair = (await _tunnels.NextAsync()).Pair;
        pair.Deliver("answer");
        pair.EndData();
        (await ReceiveAsync()).Should().Be("answer");
        Task<string?> end = ReceiveAsync();
        await Waiting.UntilAsync(() => _time.Timers == 1); // It waits for the completion status.
        end.IsCompleted.Should().BeFalse();

        pair.End(PairEndKind.Completed);

        (await end.Soon()).Should().BeEmpty();
        _client.End!.Value.Kind.Should().Be(ConnectionEndKind.Completed);
        _client.CloseByClient();
        (await _run.Soon()).Kind.Should().Be(ConnectionEndKind.Completed);
    }

    [Theory]
    [MemberData(nameof(BadEnds))]
    public async Task Any_other_end_is_told_after_everything_that_was_received(string status, ConnectionEndKind kind)
    {
        FakePair pair = (await _tunnels.NextAsync()).Pair;
        pair.Deliver("half an ans");
        pair.EndData();
        pair.End(Enum.Parse<PairEndKind>(status), status == nameof(PairEndKind.Failed) ? "connection reset by peer" : null);

        (await ReceiveAsync()).Should().Be("half an ans");
        (await ReceiveAsync().Soon()).Should().BeNull();

        _client.End!.Value.Kind.Should().Be(kind);
        (await _run.Soon()).Kind.Should().Be(kind);
        (await SendAsync("more")).Should().BeFalse();
    }

    [Fact]
    public async Task A_client_that_does_not_read_holds_the_pod_up_and_gets_everything_in_the_end()
    {
        FakePair pair = (await _tunnels.NextAsync()).Pair;
        pair.Deliver(new byte[100_000]);
        pair.EndData();
        pair.End(PairEndKind.TunnelLost);
        await Waiting.UntilAsync(() => _client.ToClient.Available > 0);
        _run.IsCompleted.Should().BeFalse();

        int received = 0;
        while (await ReceiveAsync(30_000).Soon() is { Length: > 0 } text)
        {
            received += text.Length;
        }

        received.Should().Be(100_000);
    }

    [Fact]
    public async Task What_the_client_has_sent_before_it_closed_goes_to_the_pod_and_the_answer_is_thrown_away()
    {
        FakePair pair = (await _tunnels.NextAsync()).Pair;
        (await SendAsync("the end")).Should().BeTrue();

        _client.CloseByClient();

        (await _run.Soon()).Kind.Should().Be(ConnectionEndKind.ClientGone);
        pair.WrittenText.Should().Be("the end");
        pair.Calls.Should().Equal("write", "close", "dispose");
    }

    [Fact]
    public async Task A_client_that_closes_with_an_answer_unread_still_ends_gracefully()
    {
        FakePair pair = (await _tunnels.NextAsync()).Pair;
        (await SendAsync("the end")).Should().BeTrue();
        pair.Deliver("an answer that nobody reads");
        await Waiting.UntilAsync(() => _client.ToClient.Available > 0);

        _client.CloseByClient();

        (await _run.Soon()).Kind.Should().Be(ConnectionEndKind.ClientGone);
        pair.Calls.Should().Equal("write", "close", "dispose");
    }

    [Fact]
    public async Task A_client_that_closes_while_it_sends_has_its_memory_back()
    {
        FakePair pair = (await _tunnels.NextAsync()).Pair;
        pair.Stall();
        (await SendAsync("taken")).Should().BeTrue();
        ValueTask<bool> offered = _client.FromClient.WriteAsync("offered"u8.ToArray(), CancellationToken.None);

        _client.CloseByClient();

        (await offered.AsTask().Soon()).Should().BeFalse();
        pair.Resume();
        (await _run.Soon()).Kind.Should().Be(ConnectionEndKind.ClientGone);
        pair.WrittenText.Should().Be("taken");
        pair.Calls.Should().Equal("write", "close", "dispose");
    }

    [Fact]
    public async Task The_clients_end_of_sending_is_held_back_while_the_pod_answers()
    {
        FakePair pair = (await _tunnels.NextAsync()).Pair;
        (await SendAsync("question")).Should().BeTrue();
        _client.FromClient.Finish();
        await Waiting.UntilAsync(() => _time.Timers > 0);
        pair.Finished.IsCompleted.Should().BeFalse();

        pair.Deliver("answer");
        pair.Complete();

        (await ReceiveAsync()).Should().Be("answer");
        (await ReceiveAsync().Soon()).Should().BeEmpty();
        (await _run.Soon()).Kind.Should().Be(ConnectionEndKind.Completed);
        pair.Calls.Should().NotContain("finish");
    }

    [Fact]
    public async Task It_is_passed_on_after_the_pods_silence()
    {
        FakePair pair = (await _tunnels.NextAsync()).Pair;
        _client.FromClient.Finish();

        await _time.AdvanceUntilAsync(pair.Finished, TimeSpan.FromMilliseconds(100));

        pair.Complete();
        (await ReceiveAsync().Soon()).Should().BeEmpty();
    }

    [Fact]
    public async Task What_a_pod_has_refused_goes_to_another_one_from_the_beginning()
    {
        FakePair first = (await _tunnels.NextAsync()).Pair;
        (await SendAsync("first ")).Should().BeTrue();
        await Waiting.UntilAsync(() => first.WrittenText == "first ");
        first.EndData();
        first.End(PairEndKind.Failed, Refused);

        FakeTunnelSource.OpenedPair again = await _tunnels.NextAsync();
        again.InitialData.Should().Be("first ");
        again.AvoidedPods.Should().Equal("pod-1");
        (await SendAsync("second")).Should().BeTrue();
        await Waiting.UntilAsync(() => again.Pair.WrittenText == "second");
        again.Pair.Deliver("answer");

        (await ReceiveAsync()).Should().Be("answer");
    }

    [Fact]
    public async Task A_client_that_closes_while_its_connection_waits_is_not_served()
    {
        FakePair first = (await _tunnels.NextAsync()).Pair;
        _tunnels.Gate = new TaskCompletionSource().Task;
        first.EndData();
        first.End(PairEndKind.Failed, Refused);
        await Waiting.UntilAsync(() => _tunnels.Openings == 2);

        _client.CloseByClient();

        (await _time.AdvanceUntilAsync(_run, TimeSpan.FromMilliseconds(100))).Kind.Should().Be(ConnectionEndKind.ClientGone);
        _tunnels.OpenedPairs.Should().Be(1);
    }

    [Fact]
    public async Task Stopped_both_sides_end_at_once_whatever_they_wait_for()
    {
        FakePair pair = (await _tunnels.NextAsync()).Pair;
        pair.Deliver("nobody reads this");
        await Waiting.UntilAsync(() => _client.ToClient.Available > 0);

        await _stop.CancelAsync();

        (await _run.Soon()).Kind.Should().Be(ConnectionEndKind.Stopped);
        (await ReceiveAsync().Soon()).Should().BeNull();
        (await SendAsync("x")).Should().BeFalse();
        _client.End.Should().BeNull();
        pair.Calls.Should().Contain("reset");
    }

    [Fact]
    public async Task Without_a_tunnel_the_reason_is_kept()
    {
        var fault = new TunnelFault(TunnelFaultKind.NoPod, "no pod");
        FakePair first = (await _tunnels.NextAsync()).Pair;
        _tunnels.Fault = fault;
        first.EndData();
        first.End(PairEndKind.TunnelLost);

        (await ReceiveAsync().Soon()).Should().BeNull();

        _client.End!.Value.Kind.Should().Be(ConnectionEndKind.TunnelLost, "that is what happened first");
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await _tunnels.DisposeAsync();
        await _run.Soon();
        _stop.Dispose();
    }

    private Task<bool> SendAsync(string text) => _client.FromClient.WriteAsync(Encoding.UTF8.GetBytes(text), CancellationToken.None).Soon();

    /// <summary>What the client receives next: nothing at the end of a whole answer, null at any other end.</summary>
    private async Task<string?> ReceiveAsync(int length = 1000)
    {
        byte[] buffer = new byte[length];
        return await _client.ToClient.ReadAsync(buffer, CancellationToken.None) is { } read ? Encoding.UTF8.GetString(buffer, 0, read) : null;
    }
}
