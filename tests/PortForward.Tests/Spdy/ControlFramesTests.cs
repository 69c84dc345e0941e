using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

public sealed class ControlFramesTests
{
    private static readonly KeyValuePair<string, string>[] OneHeader = [new("port", "80")];

    [Fact]
    public void A_SYN_STREAM_has_the_bytes_of_the_specification()
    {
        byte[] buffer = new byte[ControlFrames.MaxSynStreamSize(OneHeader)];
        var encoder = new HeaderBlockEncoder();

        int first = ControlFrames.WriteSynStream(buffer, 1, FrameFlags.Fin, OneHeader, encoder);
        Convert.ToHexString(buffer, 0, first).Should().Be(
            "8003000101000028" + // control, version 3, SYN_STREAM, FIN, 40 bytes
            "00000001" + "00000000" + "0000" + // stream 1, no associated stream, priority and slot 0
            "7801" + "00" + "1200" + "EDFF" + // zlib without dictionary, a stored block of 18 bytes
            "00000001" + "00000004" + "706F7274" + "00000002" + "3830" + // one header, port: 80
            "000000FFFF"); // sync flush

        int second = ControlFrames.WriteSynStream(buffer, 0x7fffffff, FrameFlags.None, OneHeader, encoder);
        Convert.ToHexString(buffer, 0, second).Should().Be(
            "8003000100000026" + "7FFFFFFF" + "00000000" + "0000" +
            "00" + "1200" + "EDFF" + "00000001" + "00000004" + "706F7274" + "00000002" + "3830" + "000000FFFF");
    }

    [Fact]
    public void A_SYN_STREAM_overwrites_whatever_the_buffer_held()
    {
        byte[] dirty = new byte[ControlFrames.MaxSynStreamSize(OneHeader)];
        dirty.AsSpan().Fill(0xee);

        int length = ControlFrames.WriteSynStream(dirty, 5, FrameFlags.None, OneHeader, new HeaderBlockEncoder());

        dirty[..length].Should().NotContain(0xee);
        dirty[8..18].Should().Equal(0, 0, 0, 5, 0, 0, 0, 0, 0, 0);
    }

    [Fact]
    public void A_RST_STREAM_has_the_bytes_of_the_specification()
    {
        byte[] buffer = new byte[ControlFrames.RstStreamSize];

        ControlFrames.WriteRstStream(buffer, 0x01020304, ResetStatus.Cancel).Should().Be(16);

        Convert.ToHexString(buffer).Should().Be("8003000300000008" + "01020304" + "00000005");
        buffer.Should().Equal(SpdyPeer.Rst(0x01020304, 5));
        ControlFrames.ReadRstStream(buffer.AsSpan(8)).Should().Be((0x01020304u, ResetStatus.Cancel));
    }

    [Fact]
    public void A_PING_has_the_bytes_of_the_specification()
    {
        byte[] buffer = new byte[ControlFrames.PingSize];

        ControlFrames.WritePing(buffer, 0xfffffffd).Should().Be(12);

        Convert.ToHexString(buffer).Should().Be("8003000600000004" + "FFFFFFFD");
        ControlFrames.ReadPing(buffer.AsSpan(8)).Should().Be(0xfffffffd);
    }

    [Fact]
    public void A_GOAWAY_is_read_without_its_reserved_bit()
    {
        ControlFrames.ReadGoAway(Convert.FromHexString("8000000500000002")).Should().Be((5u, 2u));
    }

    [Fact]
    public void A_stream_id_is_read_without_its_reserved_bit()
    {
        ControlFrames.ReadStreamId(Convert.FromHexString("FFFFFFFF")).Should().Be(0x7fffffff);
        ControlFrames.ReadRstStream(Convert.FromHexString("8000000300000001")).Should().Be((3u, ResetStatus.ProtocolError));
    }

    [Fact]
    public void A_reset_with_status_0_is_refused()
    {
        Action read = () => ControlFrames.ReadRstStream(Convert.FromHexString("0000000100000000"));

        read.Should().Throw<SpdyProtocolException>().WithMessage("*RST_STREAM with status 0*2.6.3*");
    }

    [Fact]
    public void An_unknown_reset_status_is_kept_as_it_came()
    {
        ControlFrames.ReadRstStream(Convert.FromHexString("00000001FFFFFFFF")).Status.Should().Be((ResetStatus)0xffffffff);
    }

    [Theory]
    [InlineData(FrameType.SynStream, 10, 0xffffff)]
    [InlineData(FrameType.SynReply, 4, 0xffffff)]
    [InlineData(FrameType.RstStream, 8, 8)]
    [InlineData(FrameType.Settings, 0, 0xffffff)]
    [InlineData(FrameType.Ping, 4, 4)]
    [InlineData(FrameType.GoAway, 8, 8)]
    [InlineData(FrameType.Headers, 4, 0xffffff)]
    [InlineData(FrameType.WindowUpdate, 0, 0xffffff)]
    [InlineData((FrameType)99, 0, 0xffffff)]
    internal void The_length_of_a_control_frame_must_fit_its_type(FrameType type, int least, int most)
    {
        Allowed(least).Should().NotThrow();
        Allowed(most).Should().NotThrow();
        if (least > 0)
        {
            Allowed(least - 1).Should().Throw<SpdyProtocolException>().WithMessage($"*{ControlFrames.Name(type)} of {least - 1} bytes*{least} are required*");
        }

        if (most < FrameHeader.MaxLength)
        {
            Allowed(most + 1).Should().Throw<SpdyProtocolException>().WithMessage($"*{ControlFrames.Name(type)} of {most + 1} bytes where {most} are required*");
        }

        Action Allowed(int length) => () => ControlFrames.RequireLength(FrameHeader.Control(type, FrameFlags.None, length));
    }

    [Theory]
    [InlineData(FrameType.SynStream, "SYN_STREAM")]
    [InlineData(FrameType.SynReply, "SYN_REPLY")]
    [InlineData(FrameType.RstStream, "RST_STREAM")]
    [InlineData(FrameType.Settings, "SETTINGS")]
    [InlineData(FrameType.Ping, "PING")]
    [InlineData(FrameType.GoAway, "GOAWAY")]
    [InlineData(FrameType.Headers, "HEADERS")]
    [InlineData(FrameType.WindowUpdate, "WINDOW_UPDATE")]
    [InlineData((FrameType)5, "control frame of type 5")]
    internal void A_frame_type_is_named_as_in_the_specification(FrameType type, string name)
    {
        ControlFrames.Name(type).Should().Be(name);
    }
}
