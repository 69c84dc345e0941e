using Microsoft.Extensions.Time.Testing;
using PortForward.Testing.Applications;
using PortForward.Testing.PortForwarding;

namespace PortForward.Testing.Tests.PortForwarding;

public sealed class SpdyForwardingTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private TestCluster _cluster = null!;
    private TestPod _pod = null!;
    private UpgradeClient _upgrade = null!;
    private SpdyClient _client = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync(new TestClusterOptions { PlainHttp = true, TimeProvider = _time });
        _pod = _cluster.Pods.Add(TestPod.Probe("solo"));
        _upgrade = await UpgradeClient.SpdyAsync(_cluster, "solo");
        _client = new SpdyClient(_upgrade.Stream);
    }

    public async Task DisposeAsync()
    {
        _upgrade.Dispose();
        await _cluster.DisposeAsync();
    }

    [Fact]
    public void The_answer_to_the_upgrade_names_both_protocols()
    {
        _upgrade.Status.Should().Be(101);
        _upgrade.Headers["Upgrade"].Should().Be("SPDY/3.1");
        _upgrade.Headers["X-Stream-Protocol-Version"].Should().Be("portforward.k8s.io");
    }

    [Fact]
    public async Task Both_streams_and_data_in_one_flight_get_their_replies_and_the_echo()
    {
        await _client.SendAsync(_client.Pair(7000, 1, 3), SpdyClient.Data(3, "hello"));

        (await _client.ReadAsync()).Should().BeEquivalentTo(new { Type = "data", StreamId = 3, Text = "hello" });
        (await _client.ReadRepliesAsync(1, 3)).Select(reply => reply.StreamId).Should().BeEquivalentTo([1, 3]);
        _cluster.Tunnels.Violations.Should().BeEmpty();
    }

    [Fact]
    public async Task The_first_reply_is_a_zlib_stream_that_names_the_preset_dictionary()
    {
        await _client.SendAsync(_client.Pair(7000, 1, 3));

        var frames = await _client.ReadRepliesAsync(1, 3);
        Convert.ToHexStringLower(frames[0].Body).Should().EndWith("78bbe3c6a7c2000400fbff00000000000000ffff");
        Convert.ToHexStringLower(frames[1].Body).Should().EndWith("000400fbff00000000000000ffff");
        frames[1].Body.Length.Should().Be(frames[0].Body.Length - 6);
    }

    [Fact]
    public async Task Headers_compressed_with_the_preset_dictionary_are_read()
    {
        // Two blocks of one zlib stream at level 9, made with another implementation: streamtype error and data, port 7000, requestid 0.
        var error = Convert.FromHexString("78f9e3c6a7c202253a703a2b294a4dcc851625aca9a0808614cb45e01c606e606000a4398b20d198094ade8c0600000000ffff");
        var data = Convert.FromHexString("c2aa19540e2512d60b000000ffff");
        await _client.SendAsync(SpdyClient.SynStream(1, fin: true, error), SpdyClient.SynStream(3, fin: false, data), SpdyClient.Data(3, "hello"));

        (await _client.ReadUntilAsync(frame => frame.Type == "data"))[^1].Text.Should().Be("hello");
    }

    [Fact]
    public async Task An_application_that_speaks_first_is_heard_without_a_byte_from_the_client()
    {
        await _client.SendAsync(_client.Pair(7004, 1, 3));

        (await _client.ReadUntilAsync(frame => frame.Type == "data"))[^1].Text.Should().Be("hello and goodbye\n");
    }

    [Fact]
    public async Task The_end_of_the_application_reaches_the_client_only_after_the_grace_time()
    {
        await _client.SendAsync(_client.Pair(7004, 1, 3));
        await _client.ReadUntilAsync(frame => frame.Type == "data");

        var next = _client.ReadAsync();
        await _client.SendAsync(SpdyClient.Ping(1));
        (await next)!.Type.Should().Be("ping", "no end may come before the grace time is over");

        var end = _client.ReadUntilAsync(frame => frame is { Fin: true, StreamId: 1 });
        await AdvanceUntilAsync(end);
        (await end).Select(frame => (frame.Type, frame.StreamId, frame.Fin, frame.Body.Length)).Should().Equal(("data", 3, true, 0), ("data", 1, true, 0));
        await _cluster.Activity.WaitUntilAsync(now => now.Connections == 0);
    }

    [Fact]
    public async Task The_end_of_the_application_reaches_a_client_that_has_ended_itself_at_once()
    {
        var applicationMayEnd = new TaskCompletionSource();
        _pod.Serves(6000, async (_, _) => await applicationMayEnd.Task);
        await _client.SendAsync(_client.Pair(6000, 1, 3), SpdyClient.Data(3, "", fin: true));
        await _client.ReadRepliesAsync(1, 3);
        applicationMayEnd.SetResult();

        var end = await _client.ReadUntilAsync(frame => frame is { Fin: true, StreamId: 1 });
        end[0].Should().BeEquivalentTo(new { StreamId = 3, Fin = true });
    }

    [Fact]
    public async Task An_answer_that_comes_later_than_the_grace_time_after_the_clients_end_is_cut()
    {
        await _client.SendAsync(_client.Pair(7002, 1, 3), SpdyClient.Data(3, "12345", fin: true));

        var end = _client.ReadUntilAsync(frame => frame is { Fin: true, StreamId: 1 });
        await AdvanceUntilAsync(end);
        (await end).Where(frame => frame.Type == "data").Should().OnlyContain(frame => frame.Body.Length == 0, "the application sees the end only when its socket is closed");
    }

    [Fact]
    public async Task A_runtime_with_half_close_lets_the_application_answer_after_the_clients_end()
    {
        _cluster.PortForwarding.Runtime = ContainerRuntime.CriDockerd;
        await _client.SendAsync(_client.Pair(7002, 1, 3), SpdyClient.Data(3, "12345", fin: true));

        var frames = await _client.ReadUntilAsync(frame => frame is { Fin: true, StreamId: 1 });
        string.Concat(frames.Where(frame => frame is { Type: "data", StreamId: 3 }).Select(frame => frame.Text)).Should().Be("5\n");
    }

    [Theory]
    [InlineData(ErrorEnding.MessageThenFin, "data 3 end|data 1 text|data 1 end")]
    [InlineData(ErrorEnding.MessageThenReset, "data 3 end|data 1 text|reset 1 text")]
    [InlineData(ErrorEnding.ResetAlone, "data 3 end|reset 1 text")]
    public async Task A_refused_port_ends_the_data_stream_before_it_says_why(ErrorEnding ending, string expected)
    {
        _cluster.PortForwarding.ErrorEnding = ending;
        await _client.SendAsync(_client.Pair(9999, 1, 3));

        var frames = await _client.ReadUntilAsync(frame => frame.StreamId == 1 && (frame.Fin || frame.Type == "reset"));
        string.Join('|', frames.Select(frame => $"{frame.Type} {frame.StreamId} {(frame.Fin ? "end" : "text")}")).Should().Be(expected);
        if (ending != ErrorEnding.ResetAlone)
        {
            frames.Single(frame => frame is { Type: "data", StreamId: 1, Fin: false }).Text.Should()
                .StartWith($"error forwarding port 9999 to pod {_pod.SandboxId}, uid : failed to execute portforward in network namespace \"/var/run/netns/cni-")
                .And.EndWith("IPv4: dial tcp4 127.0.0.1:9999: connect: connection refused IPv6 dial tcp6 [::1]:9999: connect: connection refused ");
        }
    }

    [Fact]
    public async Task A_refused_port_leaves_the_session_to_the_next_pair()
    {
        await _client.SendAsync(_client.Pair(9999, 1, 3));
        await _client.ReadUntilAsync(frame => frame is { Fin: true, StreamId: 1 });

        await _client.SendAsync(_client.Pair(7000, 5, 7), SpdyClient.Data(7, "still here"));
        (await _client.ReadUntilAsync(frame => frame is { Type: "data", StreamId: 7 }))[^1].Text.Should().Be("still here");
    }

    [Fact]
    public async Task A_reset_by_the_application_is_told_on_the_error_stream()
    {
        await _client.SendAsync(_client.Pair(7005, 1, 3), SpdyClient.Data(3, "x"));

        var end = _client.ReadUntilAsync(frame => frame is { Fin: true, StreamId: 1 });
        await AdvanceUntilAsync(end);
        (await end).Single(frame => frame is { Type: "data", StreamId: 1, Fin: false }).Text.Should().EndWith("connection reset by peer");
    }

    [Fact]
    public async Task A_pair_in_a_tunnel_to_a_deleted_pod_gets_the_runtimes_message()
    {
        _pod.Delete();
        await _client.SendAsync(_client.Pair(7000, 1, 3));

        var frames = await _client.ReadUntilAsync(frame => frame is { Fin: true, StreamId: 1 });
        frames.Single(frame => frame is { Type: "data", StreamId: 1, Fin: false }).Text.Should()
            .Be($"error forwarding port 7000 to pod {_pod.SandboxId}, uid : network namespace for sandbox \"{_pod.SandboxId}\" is closed");
    }

    [Fact]
    public async Task A_killed_application_ends_its_connection_like_one_that_has_finished()
    {
        await _client.SendAsync(_client.Pair(7000, 1, 3), SpdyClient.Data(3, "hello"));
        await _client.ReadUntilAsync(frame => frame.Type == "data");
        _pod.Applications.KillAll();

        var end = _client.ReadUntilAsync(frame => frame is { Fin: true, StreamId: 1 });
        await AdvanceUntilAsync(end);
        (await end).Should().OnlyContain(frame => frame.Fin, "there is no message");
    }

    [Fact]
    public async Task Stream_ids_that_do_not_increase_are_reset()
    {
        await _client.SendAsync(_client.Pair(7000, 5, 7), _client.SynStream(3, fin: false, ("streamtype", "data"), ("port", "7000"), ("requestid", "9")));

        var reset = (await _client.ReadUntilAsync(frame => frame.Type == "reset"))[^1];
        reset.StreamId.Should().Be(3);
        reset.Body[^1].Should().Be(1, "the status is PROTOCOL_ERROR");
        _cluster.Tunnels.Violations.Should().ContainSingle().Which.Should().Contain("must increase");
    }

    [Theory]
    [InlineData("streamtype", "other", "port", "7000")]
    [InlineData("streamtype", "data", "port", "0")]
    [InlineData("streamtype", "data", "port", "70000")]
    [InlineData("streamtype", "data", "prt", "7000")]
    public async Task A_stream_with_a_bad_header_is_cancelled(string name1, string value1, string name2, string value2)
    {
        await _client.SendAsync(_client.SynStream(1, fin: false, (name1, value1), (name2, value2)));

        var frame = await _client.ReadAsync();
        frame.Should().BeEquivalentTo(new { Type = "reset", StreamId = 1 });
        frame!.Body[^1].Should().Be(5, "the status is CANCEL");
    }

    [Fact]
    public async Task A_pair_that_stays_incomplete_is_told_so_after_its_time()
    {
        await _client.SendAsync(_client.SynStream(1, fin: true, ("streamtype", "error"), ("port", "7000"), ("requestid", "1")));
        await _client.ReadRepliesAsync(1);

        var message = _client.ReadAsync();
        await AdvanceUntilAsync(message, TimeSpan.FromSeconds(30));
        (await message)!.Text.Should().Contain("timed out waiting for streams");
    }

    [Fact]
    public async Task A_session_that_idles_for_too_long_ends_with_GOAWAY()
    {
        await _client.SendAsync(SpdyClient.Ping(1));
        (await _client.ReadAsync())!.Type.Should().Be("ping");

        var end = _client.ReadUntilAsync(frame => frame.Type == "goaway");
        await AdvanceUntilAsync(end, TimeSpan.FromHours(4));
        (await _client.ReadAsync()).Should().BeNull();
    }

    [Fact]
    public async Task A_PING_with_an_odd_id_is_echoed()
    {
        await _client.SendAsync(SpdyClient.Ping(41));

        (await _client.ReadAsync()).Should().BeEquivalentTo(new { Type = "ping", StreamId = 41 });
    }

    [Fact]
    public async Task A_GOAWAY_ends_the_session_with_open_streams_reset()
    {
        await _client.SendAsync(_client.Pair(7000, 1, 3), SpdyClient.Data(3, "hello"));
        await _client.ReadUntilAsync(frame => frame.Type == "data");
        await _client.SendAsync(SpdyClient.GoAway());

        var frames = await _client.ReadUntilAsync(frame => frame.Type == "goaway");
        frames.Where(frame => frame.Type == "reset").Select(frame => frame.StreamId).Should().BeEquivalentTo([1, 3]);
        await AdvanceUntilAsync(_cluster.Activity.WaitUntilAsync(now => now is { Tunnels: 0, Connections: 0 }));
    }

    [Fact]
    public async Task A_stalled_stream_holds_up_the_whole_session_and_no_other()
    {
        _pod.Serves(6001, async (connection, stopping) =>
        {
            connection.ReceiveBufferSize = 4096;
            await TestApplications.NeverReads(connection, stopping);
        });
        await _client.SendAsync(_client.Pair(6001, 1, 3));
        await _client.ReadRepliesAsync(1, 3);

        var stalled = await WriteUntilStalledAsync(streamId: 3);
        stalled.Should().BeTrue("nothing takes 256 MB in");

        using var other = await UpgradeClient.SpdyAsync(_cluster, "solo");
        var neighbour = new SpdyClient(other.Stream);
        await neighbour.SendAsync(neighbour.Pair(7000, 1, 3), SpdyClient.Data(3, "free"));
        (await neighbour.ReadUntilAsync(frame => frame.Type == "data"))[^1].Text.Should().Be("free");
        _upgrade.Stream.DataAvailable.Should().BeFalse("a stalled session says nothing any more");
    }

    [Fact]
    public async Task A_frame_that_nobody_reads_blocks_its_worker_and_leaves_the_other_four_alone()
    {
        // The pair's data stream is never read when the dial fails, so one frame blocks its worker: streams 3 and 13 share number 3.
        await _client.SendAsync(_client.Pair(9999, 1, 3), SpdyClient.Data(3, "nobody reads this"));
        await _client.ReadUntilAsync(frame => frame is { Fin: true, StreamId: 1 });

        await _client.SendAsync(_client.Pair(7000, 5, 7), SpdyClient.Data(7, "another worker"));
        (await _client.ReadUntilAsync(frame => frame is { Type: "data", StreamId: 7 }))[^1].Text.Should().Be("another worker");

        await _client.SendAsync(_client.Pair(7000, 11, 13), SpdyClient.Ping(1), SpdyClient.Ping(3), SpdyClient.Ping(5), SpdyClient.Ping(7), SpdyClient.Ping(9));
        ServerFrame?[] answers = [await _client.ReadAsync(), await _client.ReadAsync(), await _client.ReadAsync(), await _client.ReadAsync()];
        _client.Replies.Should().NotContain(reply => reply.StreamId == 13, "its SYN_STREAM waits behind the frame that nobody reads");
        answers.Select(frame => (frame?.Type, frame?.StreamId)).Should().BeEquivalentTo([("ping", 1), ("ping", 3), ("ping", 5), ("ping", 9)], "one PING in five waits there, too");
    }

    [Fact]
    public async Task Bytes_that_are_no_frame_end_the_session_and_are_noted()
    {
        await _client.SendAsync([0x80, 0x02, 0, 1, 0, 0, 0, 0]);
        await _client.ReadUntilAsync(frame => frame.Type == "goaway").ContinueWith(_ => { }, TaskScheduler.Default);
        _upgrade.Dispose();

        await _cluster.Activity.WaitUntilAsync(now => now.Tunnels == 0);
        _cluster.Tunnels.Violations.Should().NotBeEmpty();
    }

    [Fact]
    public async Task Data_after_the_clients_own_end_is_noted()
    {
        await _client.SendAsync(_client.Pair(7000, 1, 3), SpdyClient.Data(3, "x", fin: true), SpdyClient.Data(3, "y"), SpdyClient.Ping(1));
        await _client.ReadUntilAsync(frame => frame.Type == "ping");
        await _client.SendAsync(SpdyClient.GoAway());
        await AdvanceUntilAsync(_cluster.Activity.WaitUntilAsync(now => now.Tunnels == 0));

        _cluster.Tunnels.Violations.Should().ContainSingle().Which.Should().Contain("after its end");
    }

    [Fact]
    public async Task A_client_that_leaves_leaves_nothing_open()
    {
        await _client.SendAsync(_client.Pair(7000, 1, 3), SpdyClient.Data(3, "hello"));
        await _client.ReadUntilAsync(frame => frame.Type == "data");
        _cluster.Activity.Now.Should().BeEquivalentTo(new { Tunnels = 1, Connections = 1 });
        _upgrade.Dispose();

        await AdvanceUntilAsync(_cluster.Activity.WaitUntilAsync(now => now is { Tunnels: 0, Connections: 0 }));
    }

    /// <summary>Lets the cluster's time pass until something has happened, with pauses in which bytes can travel.</summary>
    private Task AdvanceUntilAsync(Task happened, TimeSpan? step = null) => _time.AdvanceUntilAsync(happened, step, TimeSpan.FromMilliseconds(10));

    private async Task<bool> WriteUntilStalledAsync(int streamId)
    {
        var frame = SpdyClient.Data(streamId, new byte[64 * 1024]);
        for (var i = 0; i < 4096; i++)
        {
            var write = _upgrade.Stream.WriteAsync(frame).AsTask();
            if (await Task.WhenAny(write, Task.Delay(TimeSpan.FromMilliseconds(500))) != write)
            {
                _ = write.ContinueWith(_ => { }, TaskScheduler.Default);
                return true;
            }

            await write;
        }

        return false;
    }
}
