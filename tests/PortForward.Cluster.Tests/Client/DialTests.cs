using System.Text;
using Microsoft.Extensions.Time.Testing;
using PortForward.Testing;
using PortForward.Testing.Api;
using PortForward.Testing.Applications;

namespace PortForward.Cluster.Tests.Client;

/// <summary>Streams to pods without a listener: they follow the target, and keep every promise of a forwarded connection.</summary>
public sealed class DialTests : ClusterClientTestBase
{
    [Theory]
    [InlineData("svc/web", "echo")]
    [InlineData("svc/web", "7")]
    [InlineData("deploy/web", "7000")]
    [InlineData("web-1", "echo")]
    public async Task A_stream_leads_to_the_application(string target, string port)
    {
        AddWeb("web-1");

        await using PodStream stream = await Client.DialAsync(target, port).Soon();

        await EchoAsync(stream, "hello");
        await EchoAsync(stream, new string('x', 300_000));
    }

    [Fact]
    public async Task A_server_may_speak_first_and_a_whole_answer_ends_gracefully()
    {
        AddWeb("web-1");
        await using PodStream stream = await Client.DialAsync("web-1", $"{SpeaksFirst}").Soon();

        (await ReadToEndAsync(stream)).Should().Be("hello and goodbye\n");
        (await stream.ReadAsync(new byte[1]).Soon()).Should().Be(0, "the end stays the end");
    }

    [Fact]
    public async Task Everything_arrives_whatever_the_sizes()
    {
        AddWeb("web-1");
        await using PodStream stream = await Client.DialAsync("web-1", $"{Source}").Soon();
        await stream.WriteAsync("3000000\n"u8.ToArray()).Soon();

        using var received = new MemoryStream();
        await stream.CopyToAsync(received).Soon();

        received.ToArray().Should().HaveCount(3_000_000);
        received.GetBuffer().AsSpan(0, 1000).SequenceEqual(TestApplications.SourceBlock.Span[..1000]).Should().BeTrue();
    }

    [Fact]
    public async Task It_can_be_used_without_await_and_in_the_old_way()
    {
        AddWeb("web-1");
        await using PodStream stream = await Client.DialAsync("web-1", $"{Echo}").Soon();
        byte[] buffer = new byte[10];

        (string first, string second) = await Task.Run(() =>
        {
            stream.Write("sync"u8);
            stream.Flush();
            stream.ReadExactly(buffer, 0, 4);
            string text = Encoding.ASCII.GetString(buffer, 0, 4);
            stream.EndWrite(stream.BeginWrite("old"u8.ToArray(), 0, 3, null, null));
            int read = stream.EndRead(stream.BeginRead(buffer, 0, 3, null, null));
            return (text, Encoding.ASCII.GetString(buffer, 0, read));
        }).Soon();

        (first, second).Should().Be(("sync", "old"));
        (stream.CanRead, stream.CanWrite, stream.CanSeek).Should().Be((true, true, false));
    }

    [Fact]
    public async Task A_reset_is_an_exception_that_says_so()
    {
        AddWeb("web-1");
        await using PodStream stream = await Client.DialAsync("web-1", $"{Resets}").Soon();
        await stream.WriteAsync("x"u8.ToArray()).Soon();

        await stream.Invoking(reset => reset.ReadAsync(new byte[1]).Soon()).Should().ThrowAsync<IOException>().WithMessage("the application in the pod reset the connection");
        await stream.Invoking(reset => reset.WriteAsync(new byte[1]).Soon()).Should().ThrowAsync<IOException>().WithMessage("the application in the pod reset the connection");
    }

    [Fact]
    public async Task A_refused_port_is_an_exception_that_says_so()
    {
        AddWeb("web-1");
        await using PodStream stream = await Client.DialAsync("web-1", $"{Refused}").Soon();

        await stream.Invoking(refused => refused.ReadAsync(new byte[1]).Soon()).Should().ThrowAsync<IOException>().WithMessage("pod refused connections on port 9999; *");
    }

    [Fact]
    public async Task An_answer_that_is_cut_is_an_exception_after_everything_that_has_arrived()
    {
        AddWeb("web-1");
        await using PodStream stream = await Client.DialAsync("web-1", $"{Echo}").Soon();
        await stream.WriteAsync("half an ans"u8.ToArray()).Soon();
        (await stream.ReadAsync(Memory<byte>.Empty).Soon()).Should().Be(0, "an empty read waits for the first byte");

        Cluster.Tunnels.CutAll();

        byte[] buffer = new byte[100];
        int read = await stream.ReadAsync(buffer).Soon();
        Encoding.ASCII.GetString(buffer, 0, read).Should().Be("half an ans");
        await stream.Invoking(cut => cut.ReadAsync(buffer).Soon()).Should().ThrowAsync<IOException>().WithMessage("the tunnel to the pod was lost*");
    }

    [Fact]
    public async Task The_end_of_writing_is_held_back_while_the_answer_comes()
    {
        AddWeb("web-1").Serves(7100, TestApplications.AnswersAfterFirstByte("late but whole", TimeSpan.FromMilliseconds(500)));
        await using PodStream stream = await Client.DialAsync("web-1", "7100").Soon();

        await stream.WriteAsync("question"u8.ToArray()).Soon();
        stream.CompleteWrites();

        (await ReadToEndAsync(stream)).Should().Be("late but whole", "the runtime would have cut it after 20 ms");
        await stream.Invoking(ended => ended.WriteAsync(new byte[1]).Soon()).Should().ThrowAsync<InvalidOperationException>();
    }

    [Fact]
    public async Task What_was_written_before_it_was_disposed_arrives()
    {
        long received = 0;
        AddWeb("web-1").Serves(7100, async (connection, stopping) =>
        {
            byte[] buffer = new byte[64 * 1024];
            while (await connection.ReceiveAsync(buffer, stopping) is > 0 and int length)
            {
                Interlocked.Add(ref received, length);
            }
        });
        PodStream stream = await Client.DialAsync("web-1", "7100").Soon();
        await stream.WriteAsync(new byte[500_000]).Soon();

        await stream.DisposeAsync().Soon();
        await stream.DisposeAsync().Soon();

        await Waiting.UntilAsync(() => Interlocked.Read(ref received) == 500_000);
        await stream.Invoking(disposed => disposed.ReadAsync(new byte[1]).Soon()).Should().ThrowAsync<ObjectDisposedException>();
        await stream.Invoking(disposed => disposed.WriteAsync(new byte[1]).Soon()).Should().ThrowAsync<ObjectDisposedException>();
    }

    [Fact]
    public async Task A_stream_that_is_disposed_while_it_is_written_to_ends_the_write()
    {
        AddWeb("web-1");
        PodStream stream = await Client.DialAsync("web-1", $"{NeverReads}").Soon();
        Task writing = Task.Run(async () =>
        {
            while (true)
            {
                await stream.WriteAsync(new byte[100_000]);
            }
        });

        await stream.DisposeAsync().Soon();

        await writing.Soon().Invoking(task => task).Should().ThrowAsync<ObjectDisposedException>();
    }

    [Fact]
    public async Task A_stream_that_is_disposed_while_it_is_read_ends_the_read()
    {
        AddWeb("web-1");
        PodStream stream = await Client.DialAsync("web-1", $"{Echo}").Soon();
        Task<int> read = stream.ReadAsync(new byte[1]).AsTask();

        await stream.DisposeAsync().Soon();

        await read.Soon().Invoking(task => task).Should().ThrowAsync<ObjectDisposedException>();
    }

    [Fact]
    public async Task A_read_that_is_cancelled_loses_nothing()
    {
        AddWeb("web-1");
        await using PodStream stream = await Client.DialAsync("web-1", $"{Echo}").Soon();
        using var cancel = new CancellationTokenSource();
        Task<int> read = stream.ReadAsync(new byte[10], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await read.Soon().Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();

        await EchoAsync(stream, "kept");
    }

    [Fact]
    public async Task Streams_follow_the_target_from_pod_to_pod()
    {
        TestPod first = AddWeb("web-1").Serves(7100, Name("one"));
        await using PodStream old = await Client.DialAsync("deploy/web", $"{Echo}").Soon();
        await EchoAsync(old, "before");
        (await AskAsync()).Should().Be("one");

        AddWeb("web-2").Serves(7100, Name("two"));
        first.Terminating();
        await UntilAnswersAsync("two");

        await EchoAsync(old, "still there");
        first.Delete();
        (await AskAsync()).Should().Be("two");
    }

    [Fact]
    public async Task A_dial_waits_while_the_target_has_no_pod()
    {
        TestPod first = AddWeb("web-1").Serves(7100, Name("one"));
        (await AskAsync()).Should().Be("one");
        first.Delete();

        Task<string> waiting = AskAsync();
        AddWeb("web-2").Serves(7100, Name("two"));

        (await waiting).Should().Be("two");
    }

    [Fact]
    public async Task What_one_pod_refuses_goes_to_another_one()
    {
        AddWeb("web-1").CreatedAt(DateTimeOffset.UtcNow.AddHours(-1)); // kubectl's choice, and nothing listens there.
        AddWeb("web-2").Serves(7100, TestApplications.Echo);
        await (await Client.DialAsync("deploy/web", "echo").Soon()).DisposeAsync();
        await Cluster.Activity.WaitUntilAsync(now => now.Watches == 1); // Now it is known which pods there are.

        await using PodStream stream = await Client.DialAsync("deploy/web", "7100").Soon();

        await EchoAsync(stream, "nothing of it is lost");
    }

    [Fact]
    public async Task Concurrent_dials_to_one_target_share_its_look_up_and_its_watch_whatever_their_ports()
    {
        AddWeb("web-1");

        PodStream[] streams = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Client.DialAsync("svc/web", i % 2 == 0 ? "echo" : "7"))).Soon();
        await Task.WhenAll(streams.Select((stream, i) => EchoAsync(stream, $"stream {i}")));

        Client.DialledTargets.Should().Be(1);
        Cluster.Requests.Count(request => request.Path.EndsWith("/services/web", StringComparison.Ordinal)).Should().Be(1);
        await Cluster.Activity.WaitUntilAsync(now => now.Watches == 1);
        await Task.WhenAll(streams.Select(stream => stream.DisposeAsync().AsTask())).Soon();
    }

    [Fact]
    public async Task Short_streams_use_few_tunnels_again_and_again()
    {
        AddWeb("web-1");
        await Parallel.ForEachAsync(Enumerable.Range(0, 300), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
        {
            await using PodStream stream = await Client.DialAsync("svc/web", "echo", CancellationToken.None);
            await EchoAsync(stream, $"{i}");
        });

        Cluster.Activity.TunnelsOpened.Should().BeLessThan(100);
        await Cluster.Activity.WaitUntilAsync(now => now.Connections == 0);
    }

    [Fact]
    public async Task Whatever_happens_to_pods_and_tunnels_no_short_answer_looks_whole()
    {
        TestPod serving = AddWeb("web-0");
        using var enough = new CancellationTokenSource();
        int whole = 0, cut = 0;
        Task[] clients = [.. Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                try
                {
                    await using PodStream stream = await Client.DialAsync("deploy/web", $"{Source}").Soon();
                    await stream.WriteAsync("200000\n"u8.ToArray()).Soon();
                    using var answer = new MemoryStream();
                    await stream.CopyToAsync(answer).Soon();
                    answer.Length.Should().Be(200_000);
                    Interlocked.Increment(ref whole);
                }
                catch (Exception e) when (e is IOException or ClusterException)
                {
                    Interlocked.Increment(ref cut);
                }
            }
        }))];

        for (int round = 1; round <= 8; round++)
        {
            int before = Volatile.Read(ref whole);
            await Waiting.UntilAsync(() => Volatile.Read(ref whole) >= before + 10);
            Cluster.Tunnels.CutAll();
            TestPod next = AddWeb($"web-{round}");
            serving.Terminating();
            serving = next;
        }

        await enough.CancelAsync();
        await Task.WhenAll(clients).Soon();
        Client.DialledTargets.Should().Be(1);
    }

    [Fact]
    public async Task A_wrong_port_fails_its_own_dial_alone()
    {
        AddWeb("web-1");

        Task<PodStream> wrong = Client.DialAsync("svc/web", "81");
        Task<PodStream> right = Client.DialAsync("svc/web", "echo");

        await wrong.Soon().Invoking(task => task).Should().ThrowAsync<ClusterException>().WithMessage("Service web does not have a service port 81");
        await using PodStream stream = await right.Soon();
        await EchoAsync(stream, "hello");
    }

    [Fact]
    public async Task A_start_that_has_failed_is_not_kept()
    {
        await this.Invoking(_ => Client.DialAsync("svc/later", "echo").Soon()).Should().ThrowAsync<ClusterException>().WithMessage("*services \"later\" not found");
        await Waiting.UntilAsync(() => Client.DialledTargets == 0);
        Cluster.Add(TestObjects.Service("later", "app=web", new ServicePort(7, "echo", "echo")));
        AddWeb("web-1");

        await using PodStream stream = await Client.DialAsync("svc/later", "echo").Soon();

        await EchoAsync(stream, "hello");
    }

    [Fact]
    public async Task A_router_is_kept_for_a_while_after_its_last_stream_and_then_let_go()
    {
        AddWeb("web-1");
        var time = new FakeTimeProvider();
        await using ClusterClient client = NewClient(new ClusterClientOptions { Time = time });
        PodStream stream = await client.DialAsync("svc/web", "echo").Soon();
        for (int i = 0; i < 200; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await EchoAsync(stream, $"{i}"); // The tunnel is alive, and in use.
        }

        client.DialledTargets.Should().Be(1);
        await stream.DisposeAsync().Soon();
        time.Advance(DialRouters.KeepTime - TimeSpan.FromSeconds(1));
        await using (PodStream next = await client.DialAsync("svc/web", "echo").Soon())
        {
            client.DialledTargets.Should().Be(1);
        }

        int lookUps = LookUps();
        await time.AdvanceUntilAsync(() => client.DialledTargets == 0);
        await Cluster.Activity.WaitUntilAsync(now => now is { Tunnels: 0, Watches: 0 });
        await using PodStream again = await client.DialAsync("svc/web", "echo").Soon();
        LookUps().Should().BeGreaterThan(lookUps, "it begins anew");

        int LookUps() => Cluster.Requests.Count(request => request.Path.EndsWith("/services/web", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_target_in_another_namespace()
    {
        Cluster.Add(TestObjects.Namespace("shop"));
        Cluster.Pods.Add(TestPod.Probe("db").In("shop"));

        await using PodStream stream = await Client.DialAsync("pod/db", "echo", "shop").Soon();

        await EchoAsync(stream, "hello");
    }

    [Theory]
    [InlineData("svc/web", "8080:80", "invalid port \"8080:80\": a stream has no local port, expected REMOTE")]
    [InlineData("svc/web", "http:http", "invalid port \"http:http\": a stream has no local port, expected REMOTE")]
    [InlineData("svc/web", "0", "invalid port \"0\": the remote port must be from 1 to 65535")]
    [InlineData("secret/x", "80", "a secret has no pods to forward to; use *")]
    public async Task A_text_that_is_malformed(string target, string port, string sentence)
    {
        await this.Invoking(_ => Client.DialAsync(target, port)).Should().ThrowAsync<FormatException>().WithMessage(sentence);
    }

    [Fact]
    public async Task A_dial_that_is_cancelled_at_any_moment_leaves_nothing()
    {
        AddWeb("web-1");
        var random = new Random(7);
        for (int i = 0; i < 60; i++)
        {
            await using ClusterClient client = NewClient();
            using var cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds(random.NextDouble() * 40));
            try
            {
                await using PodStream stream = await client.DialAsync(i % 2 == 0 ? "web-1" : "svc/web", "echo", cancel.Token).Soon();
                await EchoAsync(stream, "made it");
            }
            catch (OperationCanceledException)
            {
                // In time or too late: both are fine.
            }
        }

        await Cluster.Activity.WaitUntilAsync(now => now is { Tunnels: 0, Watches: 0, Connections: 0 });
    }

    [Fact]
    public async Task A_dial_that_is_cancelled_while_its_start_waits_ends_the_start_unless_another_one_waits_for_it()
    {
        AddWeb("web-1");
        IDisposable plan = Cluster.Faults.Always(request => request.Path.EndsWith("/services/web", StringComparison.Ordinal), RequestFault.Hang);
        using var cancelOne = new CancellationTokenSource();
        using var cancelOther = new CancellationTokenSource();
        Task<PodStream> one = Client.DialAsync("svc/web", "echo", cancelOne.Token);
        Task<PodStream> other = Client.DialAsync("svc/web", "echo", cancelOther.Token);
        await Waiting.UntilAsync(() => Cluster.Requests.Any(request => request.Path.EndsWith("/services/web", StringComparison.Ordinal)));

        await cancelOne.CancelAsync();
        (await one.Soon().Invoking(task => task).Should().ThrowAsync<OperationCanceledException>()).Which.CancellationToken.Should().Be(cancelOne.Token);
        Client.DialledTargets.Should().Be(1);
        await cancelOther.CancelAsync();
        await other.Soon().Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();
        await Waiting.UntilAsync(() => Client.DialledTargets == 0);

        plan.Dispose();
        await using PodStream stream = await Client.DialAsync("svc/web", "echo").Soon();
        await EchoAsync(stream, "hello");
    }

    [Fact]
    public async Task A_client_that_is_disposed_ends_its_streams_and_its_dials()
    {
        AddWeb("web-1");
        PodStream idle = await Client.DialAsync("web-1", "echo").Soon();
        Task<int> read = idle.ReadAsync(new byte[1]).AsTask();
        PodStream stalled = await Client.DialAsync("web-1", $"{NeverReads}").Soon();
        Task write = stalled.WriteAsync(new byte[64 * 1024 * 1024]).AsTask();
        using IDisposable plan = Cluster.Faults.Always(request => request.Path.EndsWith("/services/web", StringComparison.Ordinal), RequestFault.Hang);
        Task<PodStream> dial = Client.DialAsync("svc/web", "echo");
        await Waiting.UntilAsync(() => Cluster.Requests.Any(request => request.Path.EndsWith("/services/web", StringComparison.Ordinal)));

        await Client.DisposeAsync().Soon();

        await read.Soon().Invoking(task => task).Should().ThrowAsync<IOException>().WithMessage("*its cluster client is disposed");
        await write.Soon().Invoking(task => task).Should().ThrowAsync<IOException>();
        await dial.Soon().Invoking(task => task).Should().ThrowAsync<ObjectDisposedException>();
        await this.Invoking(_ => Client.DialAsync("web-1", "echo")).Should().ThrowAsync<ObjectDisposedException>();
        await idle.DisposeAsync().Soon();
        await stalled.DisposeAsync().Soon();
    }

    /// <summary>What the pod that a stream leads to says.</summary>
    private async Task<string> AskAsync()
    {
        await using PodStream stream = await Client.DialAsync("deploy/web", "7100").Soon();
        return await ReadToEndAsync(stream);
    }

    private async Task UntilAnswersAsync(string name)
    {
        long began = Environment.TickCount64;
        while (await AskAsync() != name)
        {
            (Environment.TickCount64 - began).Should().BeLessThan((long)Waiting.Patience.TotalMilliseconds);
            await Task.Delay(10);
        }
    }
}
