using FsCheck.Xunit;
using PortForward.Spdy;

namespace PortForward.Tests.Spdy;

public sealed class FrameHeaderTests
{
    [Theory]
    [InlineData(1u, FrameFlags.None, 0, "0000000100000000")]
    [InlineData(3u, FrameFlags.Fin, 5, "0000000301000005")]
    [InlineData(0x7fffffffu, FrameFlags.Fin, 0xffffff, "7FFFFFFF01FFFFFF")]
    [InlineData(0x10203u, FrameFlags.None, 0x8000, "0001020300008000")]
    internal void A_data_frame_header_has_the_bytes_of_the_specification(uint streamId, FrameFlags flags, int length, string hex)
    {
        var header = FrameHeader.Data(streamId, flags, length);

        Written(header).Should().Be(hex);
        FrameHeader.Read(Convert.FromHexString(hex)).Should().Be(header);
        (header.IsControl, header.StreamId, header.Flags, header.Length).Should().Be((false, streamId, flags, length));
    }

    [Theory]
    [InlineData(FrameType.SynStream, FrameFlags.Fin, 59, "800300010100003B")]
    [InlineData(FrameType.SynStream, FrameFlags.Fin | FrameFlags.Unidirectional, 10, "800300010300000A")]
    [InlineData(FrameType.SynReply, FrameFlags.None, 4, "8003000200000004")]
    [InlineData(FrameType.RstStream, FrameFlags.None, 8, "8003000300000008")]
    [InlineData(FrameType.Settings, FrameFlags.None, 4, "8003000400000004")]
    [InlineData(FrameType.Ping, FrameFlags.None, 4, "8003000600000004")]
    [InlineData(FrameType.GoAway, FrameFlags.None, 8, "8003000700000008")]
    [InlineData(FrameType.Headers, FrameFlags.None, 0xffffff, "8003000800FFFFFF")]
    [InlineData(FrameType.WindowUpdate, FrameFlags.None, 8, "8003000900000008")]
    [InlineData((FrameType)0xffff, (FrameFlags)0xff, 0, "8003FFFFFF000000")]
    internal void A_control_frame_header_has_the_bytes_of_the_specification(FrameType type, FrameFlags flags, int length, string hex)
    {
        var header = FrameHeader.Control(type, flags, length);

        Written(header).Should().Be(hex);
        FrameHeader.Read(Convert.FromHexString(hex)).Should().Be(header);
        (header.IsControl, header.Type, header.StreamId, header.Flags, header.Length).Should().Be((true, type, 0u, flags, length));
    }

    [Theory]
    [InlineData("8002000600000004", "*control frame of version 2, not 3*")]
    [InlineData("8000000600000004", "*control frame of version 0, not 3*")]
    [InlineData("FFFF000600000004", "*control frame of version 32767, not 3*")]
    [InlineData("485454502F312E31", "nothing")]
    [InlineData("0000000000000005", "*data frame for stream 0*")]
    [InlineData("0000000001000000", "*data frame for stream 0*")]
    public void An_illegal_header_is_refused_with_a_message_that_names_the_rule(string hex, string message)
    {
        Action read = () => FrameHeader.Read(Convert.FromHexString(hex));

        if (message == "nothing")
        {
            // "HTTP/1.1" cannot be told from a data frame: the bit of control frames is not set in ASCII.
            read.Should().NotThrow();
        }
        else
        {
            read.Should().Throw<SpdyProtocolException>().WithMessage(message).WithMessage("*SPDY/3.1*");
        }
    }

    [Property]
    public bool Every_data_frame_header_survives_the_wire(uint streamId, byte flags, uint length)
    {
        var header = FrameHeader.Data(Math.Max(1, streamId & 0x7fffffff), (FrameFlags)flags, (int)(length & FrameHeader.MaxLength));
        return RoundTrip(header) == header;
    }

    [Property]
    public bool Every_control_frame_header_survives_the_wire(ushort type, byte flags, uint length)
    {
        var header = FrameHeader.Control((FrameType)type, (FrameFlags)flags, (int)(length & FrameHeader.MaxLength));
        return RoundTrip(header) == header;
    }

    private static FrameHeader RoundTrip(FrameHeader header) => FrameHeader.Read(Convert.FromHexString(Written(header)));

    private static string Written(FrameHeader header)
    {
        byte[] bytes = new byte[FrameHeader.Size];
        header.Write(bytes);
        return Convert.ToHexString(bytes);
    }
}
