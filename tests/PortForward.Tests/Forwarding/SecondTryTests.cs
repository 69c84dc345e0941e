using System.Net;
using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Forwarding;

/// <summary>When a connection begins anew on another pod, and when that would not be safe.</summary>
public sealed class SecondTryTests : IDisposable
{
    private const string Refused = "error forwarding port 80 to pod x, uid : dial tcp4 127.0.0.1:80: connect: connection refused";
    private const string SandboxGone = "error forwarding port 80 to pod x, uid : network namespace for sandbox \"x\" is closed";

    private readonly CancellationTokenSource _stop = new();
    private readonly List<IDisposable> _sockets = [];
    private readonly FakeTunnelSource _pods = new() { HasOtherPods = true };

    [Theory]
    [InlineData(Refused)]
    [InlineData(SandboxGone)]
    public async Task What_a_pod_has_refused_goes_to_another_one_from_the_beginning(string refusal)
    {
        (Socket client, Task<ConnectionEnd> run, ConnectionPump pump) = await StartAsync("first ");
        FakePair first = (await _pods.NextAsync()).Pair;
        await client.SendAsync("second");
        await Waiting.UntilAsync(() => first.WrittenText == "second");

        first.EndData();
        first.End(PairEndKind.Failed, refusal);

        FakeTunnelSource.OpenedPair again = await _pods.NextAsync();
        (again.InitialData, again.AvoidedPods).Should().BeEquivalentTo(("first second", new[] { "pod-1" }));
        await client.SendAsync(" third");
        await Waiting.UntilAsync(() => again.Pair.WrittenText == " third");
        again.Pair.Deliver("answer");
        again.Pair.Complete();
        (await client.ReceiveToEndAsync()).Should().Be(("answer", false));
        client.Dispose();
        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Completed);
        pump.BytesSent.Should().Be("first second third".Length);
    }

    [Fact]
    public async Task More_than_fits_into_the_opening_follows_it_on_the_second_pod_too()
    {
        (Socket client, Task<ConnectionEnd> run, _) = await StartAsync("");
        FakePair first = (await _pods.NextAsync()).Pair;
        await client.SendAsync(new string('a', 5000));
        await Waiting.UntilAsync(() => first.WrittenText.Length == 5000);

        first.EndData();
        first.End(PairEndKind.Failed, Refused);

        FakeTunnelSource.OpenedPair again = await _pods.NextAsync();
        again.InitialData.Should().HaveLength(_pods.MaxInitialData);
        await Waiting.UntilAsync(() => again.Pair.WrittenText.Length == 5000 - _pods.MaxInitialData);
        await StopAsync(run);
    }

    [Fact]
    public async Task A_client_that_waits_for_the_server_to_speak_is_tried_again_without_having_said_a_word()
    {
        (Socket client, Task<ConnectionEnd> run, _) = await StartAsync("");
        FakePair first = (await _pods.NextAsync()).Pair;

        first.EndData();
        first.End(PairEndKind.Failed, Refused);

        FakePair again = (await _pods.NextAsync()).Pair;
        again.Deliver("220 hello");
        (await client.ReceiveTextAsync(9)).Should().Be("220 hello");
        await StopAsync(run);
    }

    [Fact]
    public async Task A_client_that_has_finished_sending_is_tried_again_whole()
    {
        (Socket client, Task<ConnectionEnd> run, _) = await StartAsync("all of it");
        FakePair first = (await _pods.NextAsync()).Pair;
        client.Shutdown(SocketShutdown.Send);

        first.EndData();
        first.End(PairEndKind.Failed, Refused);

        FakeTunnelSource.OpenedPair again = await _pods.NextAsync();
        again.InitialData.Should().Be("all of it");
        again.Pair.Deliver("answer");
        again.Pair.Complete();
        (await client.ReceiveToEndAsync()).Should().Be(("answer", false));
        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Completed);
    }

    [Fact]
    public async Task After_the_pods_first_byte_there_is_no_second_try()
    {
        (Socket client, Task<ConnectionEnd> run, _) = await StartAsync("question");
        FakePair first = (await _pods.NextAsync()).Pair;
        first.Deliver("half");

        first.EndData();
        first.End(PairEndKind.Failed, Refused);

        (await client.ReceiveToEndAsync()).Should().Be(("half", true));
        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.PodFailed);
    }

    [Fact]
    public async Task More_than_the_replay_buffer_keeps_is_not_sent_twice_and_not_in_part()
    {
        (Socket client, Task<ConnectionEnd> run, _) = await StartAsync("");
        FakePair first = (await _pods.NextAsync()).Pair;
        await client.SendAsync(new string('a', ReplayBuffer.Capacity + 1));
        await Waiting.UntilAsync(() => first.WrittenText.Length == ReplayBuffer.Capacity + 1);

        first.EndData();
        first.End(PairEndKind.Failed, Refused);

        (await client.ReceiveToEndAsync()).Should().Be(("", true));
        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.PodFailed);
    }

    [Theory]
    [InlineData("connection reset by peer")]
    [InlineData("broken pipe")]
    [InlineData("something else")]
    public async Task An_error_that_does_not_prove_that_nobody_saw_the_bytes_is_the_end(string message)
    {
        (Socket client, Task<ConnectionEnd> run, _) = await StartAsync("pay 100");
        FakePair first = (await _pods.NextAsync()).Pair;

        first.EndData();
        first.End(PairEndKind.Failed, message);

        (await client.ReceiveToEndAsync()).Should().Be(("", true));
        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.PodFailed);
    }

    [Fact]
    public async Task A_lost_tunnel_that_was_given_a_byte_is_the_end()
    {
        (Socket client, Task<ConnectionEnd> run, _) = await StartAsync("pay 100");
        (await _pods.NextAsync()).Pair.Lose();

        (await client.ReceiveToEndAsync()).Should().Be(("", true));
        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.TunnelLost);
    }

    [Fact]
    public async Task A_lost_tunnel_that_was_given_nothing_is_replaced_and_the_pod_may_be_the_same()
    {
        (_, Task<ConnectionEnd> run, _) = await StartAsync("");
        (await _pods.NextAsync()).Pair.Lose();

        (await _pods.NextAsync()).AvoidedPods.Should().BeEmpty();
        await StopAsync(run);
    }

    [Fact]
    public async Task A_connection_without_a_byte_that_is_not_answered_begins_again_in_another_tunnel_and_then_on_another_pod()
    {
        (Socket client, Task<ConnectionEnd> run, _) = await StartAsync("");
        (await _pods.NextAsync()).Pair.LeaveUnanswered();
        FakeTunnelSource.OpenedPair second = await _pods.NextAsync();
        second.AvoidedPods.Should().BeEmpty("it may have been the tunnel");
        second.Pair.LeaveUnanswered();

        FakeTunnelSource.OpenedPair third = await _pods.NextAsync();
        third.AvoidedPods.Should().Equal("pod-1", "pod-2");
        third.Pair.LeaveUnanswered();

        (await client.ReceiveToEndAsync()).Should().Be(("", true));
        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Unanswered);
    }

    [Fact]
    public async Task A_connection_that_is_not_answered_and_was_given_a_byte_is_at_its_end()
    {
        (Socket client, Task<ConnectionEnd> run, _) = await StartAsync("x");

        (await _pods.NextAsync()).Pair.LeaveUnanswered();

        (await client.ReceiveToEndAsync()).Should().Be(("", true));
        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.Unanswered);
        _pods.OpenedPairs.Should().Be(1);
    }

    [Fact]
    public async Task Tunnels_that_are_lost_again_and_again_end_the_connection()
    {
        (Socket client, Task<ConnectionEnd> run, _) = await StartAsync("");
        for (int i = 0; i < 8; i++)
        {
            (await _pods.NextAsync()).Pair.Lose();
        }

        (await client.ReceiveToEndAsync()).Should().Be(("", true));
        (await run.Soon()).Kind.Should().Be(ConnectionEndKind.TunnelLost);
    }

    public void Dispose()
    {
        _stop.Dispose();
        _sockets.ForEach(socket => socket.Dispose());
    }

    private async Task<(Socket Client, Task<ConnectionEnd> Run, ConnectionPump Pump)> StartAsync(string alreadySent)
    {
        (Socket client, Socket accepted) = await Sockets.ConnectedPairAsync(0);
        _sockets.AddRange([client, accepted]);
        if (alreadySent.Length > 0)
        {
            await client.SendAsync(alreadySent);
            await Waiting.UntilAsync(() => accepted.Available == alreadySent.Length);
        }

        var pump = new ConnectionPump(accepted, _pods, new ForwardedPort(new IPEndPoint(IPAddress.Loopback, 8080), 80), new PortForwarderOptions());
        return (client, pump.RunAsync(_stop.Token), pump);
    }

    private async Task StopAsync(Task<ConnectionEnd> run)
    {
        await _stop.CancelAsync();
        await _pods.DisposeAsync();
        await run.Soon();
    }
}
