using FsCheck;
using FsCheck.Xunit;
using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

public sealed class SpdySessionPropertyTests
{
    private const int StreamCount = 3;

    [Property]
    public async Task However_the_bytes_are_cut_the_same_frames_are_delivered(byte[] script, NonEmptyArray<byte> cuts, byte bufferSize)
    {
        // A script takes three bytes for a frame: which stream, what, how long.
        List<byte>[] expectedBytes = Enumerable.Range(0, StreamCount).Select(_ => new List<byte>()).ToArray();
        StreamEndKind[] expectedEnds = Enumerable.Repeat(StreamEndKind.SessionLost, StreamCount).ToArray();
        var wire = new List<byte>();
        foreach (byte[] step in script.Chunk(3).Where(step => step.Length == 3))
        {
            int index = step[0] % StreamCount;
            uint id = (uint)((2 * index) + 1);
            bool open = expectedEnds[index] == StreamEndKind.SessionLost;
            byte[] data = [.. Enumerable.Range(0, step[2]).Select(i => (byte)(i + step[0]))];
            switch (step[1] % 12)
            {
                case 0:
                    wire.AddRange(SpdyPeer.Data(id, data, fin: true));
                    expectedBytes[index].AddRange(open ? data : []);
                    expectedEnds[index] = open ? StreamEndKind.Finished : expectedEnds[index];
                    break;
                case 1:
                    wire.AddRange(SpdyPeer.Rst(id, 5));
                    expectedEnds[index] = open ? StreamEndKind.ResetByPeer : expectedEnds[index];
                    break;
                case 2:
                    wire.AddRange(SpdyPeer.Ping((uint)step[2] * 2));
                    break;
                case 3:
                    wire.AddRange(SpdyPeer.SynReply(id));
                    break;
                case 4:
                    wire.AddRange(SpdyPeer.GoAway(99));
                    break;
                case 5:
                    wire.AddRange(SpdyPeer.Data(101, data));
                    break;
                default:
                    wire.AddRange(SpdyPeer.Data(id, data));
                    expectedBytes[index].AddRange(open ? data : []);
                    break;
            }
        }

        var start = new TaskCompletionSource();
        await using var transport = new ChunkedStream(Cut([.. wire], cuts.Get), start.Task);
        await using var session = new SpdySession(transport, new SpdySessionOptions { ReceiveBufferSize = 8 + bufferSize });
        SpdyStream[]? streams = await session.OpenAsync([.. Enumerable.Repeat(new StreamOpening(SpdyFixture.NoHeaders), StreamCount)], default).Soon();
        start.SetResult();

        for (int i = 0; i < StreamCount; i++)
        {
            (await streams![i].Input.ReadToEndAsync()).Should().Equal(expectedBytes[i]);
            (await streams[i].Completion.Soon()).Kind.Should().Be(expectedEnds[i]);
        }

        await session.Completion.Soon();
        session.Fault.Should().BeNull();
    }

    [Property(MaxTest = 40)]
    public async Task However_streams_interleave_each_delivers_its_bytes_in_order_both_ways(
        NonEmptyArray<NonEmptyArray<PositiveInt>> writes, PositiveInt frameSize, PositiveInt transportBuffer, int seed)
    {
        var options = new SpdySessionOptions { MaxDataFrameSize = 50 + frameSize.Get, StreamBufferSize = 200, ReceiveBufferSize = 64 };
        await using var fixture = new SpdyFixture(options, transportBuffer: 100 + transportBuffer.Get);
        var echo = new EchoPeer(fixture.Peer, new Random(seed));
        Task peer = echo.RunAsync();

        await Task.WhenAll(writes.Get.Take(6).Select((sizes, number) => Task.Run(async () =>
        {
            SpdyStream stream = (await fixture.Session.OpenAsync([new StreamOpening(SpdyFixture.NoHeaders)], default).Soon())!.Single();
            Task<byte[]> answer = stream.Input.ReadToEndAsync();
            var random = new Random(seed + number);
            var sent = new List<byte>();
            foreach (PositiveInt size in sizes.Get)
            {
                byte[] data = new byte[size.Get * 10];
                random.NextBytes(data);
                sent.AddRange(data);
                (await stream.WriteAsync(data).Soon()).Should().BeTrue();
            }

            (await stream.FinishAsync().Soon()).Should().BeTrue();
            (await answer).Should().Equal(sent);
            echo.Received[stream.Id].Should().Equal(sent);
            (await stream.Completion.Soon()).Kind.Should().Be(StreamEndKind.Finished);
        }))).Soon();

        await fixture.Session.DisposeAsync();
        await peer.Soon();
    }

    private static byte[][] Cut(byte[] wire, byte[] cuts)
    {
        var chunks = new List<byte[]>();
        for (int offset = 0, i = 0; offset < wire.Length; i++)
        {
            int length = Math.Min(1 + cuts[i % cuts.Length], wire.Length - offset);
            chunks.Add(wire[offset..(offset + length)]);
            offset += length;
        }

        return [.. chunks];
    }
}
