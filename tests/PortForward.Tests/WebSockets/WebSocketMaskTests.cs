using FsCheck.Xunit;
using PortForward.WebSockets;

namespace PortForward.Tests.WebSockets;

public sealed class WebSocketMaskTests
{
    [Fact]
    public void Bytes_are_masked_as_in_the_specifications_example()
    {
        // RFC 6455, 5.7: a masked "Hello".
        var mask = new WebSocketMask(BitConverter.ToUInt32([0x37, 0xFA, 0x21, 0x3D]));
        byte[] masked = new byte[6];

        mask.Copy("Hello"u8, masked);

        masked.Should().Equal(0x7F, 0x9F, 0x4D, 0x51, 0x58, 0);
    }

    [Property]
    public bool Whatever_the_length_each_byte_meets_the_masks_byte_of_its_place(uint bits, byte[] source, byte repeat)
    {
        byte[] bytes = [.. Enumerable.Repeat(source, 1 + repeat).SelectMany(one => one)];
        byte[] mask = BitConverter.GetBytes(bits);
        byte[] masked = new byte[bytes.Length];

        new WebSocketMask(bits).Copy(bytes, masked);

        return masked.SequenceEqual(bytes.Select((one, i) => (byte)(one ^ mask[i % 4])));
    }

    [Fact]
    public void A_source_of_masks_does_not_repeat_itself()
    {
        var source = new MaskSource();

        Enumerable.Range(0, 1000).Select(_ => source.Next()).Distinct().Count().Should().BeGreaterThan(990);
    }
}
