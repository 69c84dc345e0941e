using FsCheck.Xunit;
using PortForward.WebSockets;

namespace PortForward.Tests.WebSockets;

public sealed class WebSocketHeaderTests
{
    private static readonly WebSocketMask Mask = new(BitConverter.IsLittleEndian ? 0x04030201u : 0x01020304u);

    [Theory]
    [InlineData("8205", WebSocketOpcode.Binary, true, 5)]
    [InlineData("027D", WebSocketOpcode.Binary, false, 125)]
    [InlineData("8000", WebSocketOpcode.Continuation, true, 0)]
    [InlineData("0101", WebSocketOpcode.Text, false, 1)]
    [InlineData("827E007E", WebSocketOpcode.Binary, true, 126)]
    [InlineData("827EFFFF", WebSocketOpcode.Binary, true, 65_535)]
    [InlineData("827F0000000000010000", WebSocketOpcode.Binary, true, 65_536)]
    [InlineData("827F7FFFFFFFFFFFFFFF", WebSocketOpcode.Binary, true, long.MaxValue)]
    [InlineData("8802", WebSocketOpcode.Close, true, 2)]
    [InlineData("897D", WebSocketOpcode.Ping, true, 125)]
    [InlineData("8A00", WebSocketOpcode.Pong, true, 0)]
    internal void A_header_is_read_once_all_its_bytes_are_there(string hex, WebSocketOpcode opcode, bool isFinal, long length)
    {
        byte[] bytes = Convert.FromHexString(hex);

        for (int available = 0; available < bytes.Length; available++)
        {
            WebSocketHeader.TryRead(bytes.AsSpan(0, available), out _, out _).Should().BeFalse();
        }

        WebSocketHeader.TryRead([.. bytes, 0xFF, 0xFF], out WebSocketHeader header, out int size).Should().BeTrue();
        header.Should().Be(new WebSocketHeader(opcode, isFinal, length));
        size.Should().Be(bytes.Length);
    }

    [Theory]
    [InlineData(WebSocketOpcode.Binary, 0, "828001020304")]
    [InlineData(WebSocketOpcode.Binary, 125, "82FD01020304")]
    [InlineData(WebSocketOpcode.Binary, 126, "82FE007E01020304")]
    [InlineData(WebSocketOpcode.Binary, 65_535, "82FEFFFF01020304")]
    [InlineData(WebSocketOpcode.Binary, 65_536, "82FF000000000001000001020304")]
    [InlineData(WebSocketOpcode.Close, 2, "888201020304")]
    [InlineData(WebSocketOpcode.Pong, 3, "8A8301020304")]
    internal void A_header_is_written_with_the_shortest_length_and_the_mask(WebSocketOpcode opcode, long length, string hex)
    {
        byte[] bytes = new byte[WebSocketHeader.MaxWrittenSize];

        int size = new WebSocketHeader(opcode, IsFinal: true, length).Write(bytes, Mask);

        Convert.ToHexString(bytes, 0, size).Should().Be(hex);
    }

    [Fact]
    public void A_frame_that_is_not_the_last_one_of_its_message_says_so()
    {
        byte[] bytes = new byte[WebSocketHeader.MaxWrittenSize];

        new WebSocketHeader(WebSocketOpcode.Binary, IsFinal: false, 1).Write(bytes, Mask);

        bytes[0].Should().Be(0x02);
    }

    [Theory]
    [InlineData("C205", "*reserved bits*5.2*")]
    [InlineData("A205", "*reserved bits*5.2*")]
    [InlineData("9205", "*reserved bits*5.2*")]
    [InlineData("8305", "*unknown kind 3*5.2*")]
    [InlineData("8705", "*unknown kind 7*5.2*")]
    [InlineData("8B05", "*unknown kind 11*5.2*")]
    [InlineData("8F05", "*unknown kind 15*5.2*")]
    [InlineData("8285", "*with a mask*5.1*")]
    [InlineData("0805", "*not the whole message*5.5*")]
    [InlineData("0900", "*not the whole message*5.5*")]
    [InlineData("897E", "*more than 125 bytes*5.5*")]
    [InlineData("887F", "*more than 125 bytes*5.5*")]
    [InlineData("827F8000000000000000", "*more than 63 bits*5.2*")]
    public void An_illegal_header_is_refused_with_a_message_that_names_the_rule(string hex, string message)
    {
        Action read = () => WebSocketHeader.TryRead(Convert.FromHexString(hex), out _, out _);

        read.Should().Throw<WebSocketProtocolException>().WithMessage("the server sent a WebSocket frame *").WithMessage(message);
    }

    /// <summary>What a client writes differs from what a server sends by the mask alone.</summary>
    [Property]
    public bool Every_header_survives_the_wire(bool isFinal, long length, uint mask)
    {
        var header = new WebSocketHeader(WebSocketOpcode.Binary, isFinal, length & long.MaxValue >> (int)(mask % 63));
        byte[] bytes = new byte[WebSocketHeader.MaxWrittenSize];
        int written = header.Write(bytes, new WebSocketMask(mask));
        bytes[1] &= 0x7F;
        return WebSocketHeader.TryRead(bytes.AsSpan(0, written - WebSocketMask.Size), out WebSocketHeader read, out int size)
            && read == header && size == written - WebSocketMask.Size
            && BitConverter.ToUInt32(bytes, size) == mask;
    }
}
