using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

public sealed class SpdySessionStressTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Many_streams_that_end_in_every_way_leave_the_session_sound(int seed)
    {
        await using var fixture = new SpdyFixture(
            new SpdySessionOptions { StreamBufferSize = 1000, MaxDataFrameSize = 300, ReceiveBufferSize = 256 }, transportBuffer: 2000);
        var echo = new EchoPeer(fixture.Peer, new Random(seed), resetEvery: 40);
        Task peer = echo.RunAsync();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            var random = new Random((seed * 100) + worker);
            for (int i = 0; i < 25; i++)
            {
                await OneStreamAsync(fixture.Session, random);
            }
        }))).Soon();

        fixture.Session.Fault.Should().BeNull("seed {0}", seed);
        SpdyStream last = (await fixture.Session.OpenAsync([new StreamOpening(SpdyFixture.NoHeaders)], "x"u8.ToArray()).Soon())!.Single();
        last.Id.Should().Be((8 * 25 * 2) + 1, "seed {0}", seed);
        await fixture.Session.DisposeAsync().Soon();
        await peer.Soon();
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(14)]
    public async Task Disposed_at_any_moment_the_session_leaves_nobody_waiting(int seed)
    {
        await using var fixture = new SpdyFixture(
            new SpdySessionOptions { StreamBufferSize = 1000, MaxDataFrameSize = 300, ReceiveBufferSize = 256 }, transportBuffer: 2000);
        var echo = new EchoPeer(fixture.Peer, new Random(seed), resetEvery: 40);
        Task peer = echo.RunAsync();
        int done = 0;
        int disposeAfter = new Random(seed).Next(10, 60);

        Task workers = Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            var random = new Random((seed * 100) + worker);
            while (await OneStreamAsync(fixture.Session, random))
            {
                Interlocked.Increment(ref done);
            }
        })));
        await Waiting.UntilAsync(() => Volatile.Read(ref done) >= disposeAfter);
        await fixture.Session.DisposeAsync().Soon();

        await workers.Soon();
        await peer.Soon();
        fixture.Session.Fault.Should().BeNull("seed {0}", seed);
    }

    /// <summary>Lives the life of one stream. False when the session has ended.</summary>
    private static async Task<bool> OneStreamAsync(SpdySession session, Random random)
    {
        byte[] first = new byte[random.Next(300)];
        random.NextBytes(first);
        if (await session.OpenAsync([new StreamOpening(SpdyFixture.NoHeaders)], first) is not [SpdyStream stream])
        {
            return false;
        }

        var sent = new List<byte>(first);
        Task<byte[]> read = stream.Input.ReadToEndAsync();
        int manner = random.Next(4);
        for (int i = random.Next(6); i > 0; i--)
        {
            byte[] data = new byte[random.Next(1000)];
            random.NextBytes(data);
            sent.AddRange(data);
            if (!await stream.WriteAsync(data))
            {
                break;
            }
        }

        switch (manner)
        {
            case 0:
                stream.Reset();
                break;
            case 1:
                await stream.FinishAsync();
                stream.Reset();
                break;
            default:
                await stream.FinishAsync();
                break;
        }

        byte[] received = await read;
        StreamEnd end = await stream.Completion.Soon();
        sent.Take(received.Length).Should().Equal(received, "whatever arrives is a beginning of what was sent");
        if (end.Kind == StreamEndKind.Finished)
        {
            received.Length.Should().Be(sent.Count, "FIN says that the answer is whole");
        }

        return end.Kind != StreamEndKind.SessionLost;
    }
}
