using System.Text;
using FsCheck;
using FsCheck.Xunit;
using PortForward.WebSockets;

namespace PortForward.Tests.WebSockets;

public sealed class WebSocketDecoderTests
{
    private readonly WebSocketDecoder _decoder = new("tunnel");

    [Fact]
    public void A_conversation_is_understood_wherever_it_is_cut()
    {
        byte[] longMessage = [.. Enumerable.Range(0, 300).Select(i => (byte)i)];
        byte[] wire =
        [
            .. Frame(WebSocketOpcode.Binary, "ab"u8),
            .. Frame(WebSocketOpcode.Binary, [], isFinal: false),
            .. Frame(WebSocketOpcode.Continuation, "c"u8, isFinal: false),
            .. Frame(WebSocketOpcode.Ping, "are you there?"u8),
            .. Frame(WebSocketOpcode.Continuation, longMessage),
            .. Frame(WebSocketOpcode.Pong, "unasked"u8),
            .. Frame(WebSocketOpcode.Binary, []),
            .. Frame(WebSocketOpcode.Binary, "z"u8),
            .. Frame(WebSocketOpcode.Close, [0x03, 0xE8, .. "bye"u8]),
            0xFF, 0xFF, 0xFF, // After a close nothing counts.
        ];
        byte[] expected = [.. "abc"u8, .. longMessage, .. "z"u8];

        for (int cut = 0; cut <= wire.Length; cut++)
        {
            var decoder = new WebSocketDecoder("tunnel");
            List<byte> payload = [.. Decode(decoder, wire[..cut]), .. Decode(decoder, wire[cut..])];
            payload.Should().Equal(expected, "it was cut at {0}", cut);
            Encoding.ASCII.GetString(decoder.TakePing()!).Should().Be("are you there?");
            decoder.TakePing().Should().BeNull();
            (decoder.HasEnded, decoder.Fault).Should().Be((true, null));
        }
    }

    [Property]
    public bool However_the_frames_and_the_reads_are_cut_the_bytes_come_in_order(NonEmptyArray<byte[]> pieces, NonEmptyArray<byte> cuts)
    {
        var wire = new List<byte>();
        bool isInside = false;
        for (int i = 0; i < pieces.Get.Length; i++)
        {
            byte[] piece = pieces.Get[i];
            bool isFinal = i == pieces.Get.Length - 1 || piece.Length % 3 != 0;
            wire.AddRange(Frame(isInside ? WebSocketOpcode.Continuation : WebSocketOpcode.Binary, piece, isFinal));
            isInside = !isFinal;
            if (piece.Length % 5 == 0)
            {
                wire.AddRange(Frame(WebSocketOpcode.Ping, piece.AsSpan(0, Math.Min(piece.Length, 125))));
            }
        }

        var payload = new List<byte>();
        for (int offset = 0, i = 0; offset < wire.Count; i++)
        {
            int length = Math.Min(1 + cuts.Get[i % cuts.Get.Length], wire.Count - offset);
            payload.AddRange(Decode(_decoder, [.. wire.Skip(offset).Take(length)]));
            offset += length;
        }

        return payload.SequenceEqual(pieces.Get.SelectMany(piece => piece)) && !_decoder.HasEnded;
    }

    /// <summary>Whatever comes, it ends in bytes or in a fault, and nothing is taken for more than it is.</summary>
    [Property]
    public bool Noise_does_no_harm(byte[] first, byte[] second)
    {
        int kept = Decode(_decoder, first).Length + Decode(_decoder, second).Length;
        return kept <= first.Length + second.Length && (_decoder.Fault is null || _decoder.HasEnded);
    }

    [Fact]
    public void A_message_of_more_than_four_gigabytes_is_counted_right()
    {
        Decode(_decoder, [0x82, 0x7F, 0, 0, 0, 1, 0, 0, 0, 0, 7]).Should().Equal(7);
        Decode(_decoder, new byte[1000]).Should().HaveCount(1000);
        _decoder.HasEnded.Should().BeFalse();
    }

    [Fact]
    public void Only_the_last_of_several_pings_is_to_be_answered()
    {
        Decode(_decoder, [.. Frame(WebSocketOpcode.Ping, "1"u8), .. Frame(WebSocketOpcode.Ping, "2"u8)]).Should().BeEmpty();

        _decoder.TakePing().Should().Equal("2"u8.ToArray());
    }

    [Fact]
    public void An_empty_ping_is_a_ping()
    {
        Decode(_decoder, Frame(WebSocketOpcode.Ping, []));

        _decoder.TakePing().Should().BeEmpty();
    }

    [Theory]
    [InlineData("8800", null)]
    [InlineData("880203E8", null)]
    [InlineData("880203E9", "the server closed the WebSocket with status 1001")]
    [InlineData("880603F3646F776E", "the server closed the WebSocket with status 1011 down")]
    [InlineData("880603F31B5B324A", "the server closed the WebSocket with status 1011 [2J")]
    [InlineData("880103", "*half a status*5.5.1*")]
    [InlineData("8101", "the server sent a text message, which the tunnel protocol does not know")]
    [InlineData("8001", "*went on with a WebSocket message that it had not begun*5.4*")]
    [InlineData("02008201", "*inside of another one*5.4*")]
    [InlineData("02008101", "*inside of another one*5.4*")]
    [InlineData("F201", "*reserved bits*")]
    public void An_end_has_its_reason_and_what_came_before_is_still_delivered(string hex, string? fault)
    {
        byte[] wire = [.. Frame(WebSocketOpcode.Binary, "before"u8), .. Convert.FromHexString(hex), .. "behind"u8];

        Encoding.ASCII.GetString(Decode(_decoder, wire)).Should().Be("before");

        _decoder.HasEnded.Should().BeTrue();
        if (fault is null)
        {
            _decoder.Fault.Should().BeNull();
        }
        else
        {
            _decoder.Fault!.Message.Should().Match(fault);
        }

        Decode(_decoder, Frame(WebSocketOpcode.Binary, "late"u8)).Should().BeEmpty();
    }

    private static byte[] Decode(WebSocketDecoder decoder, byte[] bytes) => bytes[..decoder.Decode(bytes)];

    private static byte[] Frame(WebSocketOpcode opcode, ReadOnlySpan<byte> payload, bool isFinal = true)
    {
        byte[] header = new byte[WebSocketHeader.MaxWrittenSize];
        int size = new WebSocketHeader(opcode, isFinal, payload.Length).Write(header, default) - WebSocketMask.Size;
        header[1] &= 0x7F;
        return [.. header[..size], .. payload];
    }
}
