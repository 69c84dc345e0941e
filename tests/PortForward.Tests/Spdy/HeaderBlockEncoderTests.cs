using FsCheck;
using FsCheck.Xunit;
using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

public sealed class HeaderBlockEncoderTests
{
    [Fact]
    public void The_blocks_of_a_session_are_one_zlib_stream_and_each_is_readable_as_soon_as_it_is_there()
    {
        var encoder = new HeaderBlockEncoder();
        using var inflater = new HeaderInflater();

        for (int i = 0; i < 5; i++)
        {
            var headers = new Dictionary<string, string>(StringComparer.Ordinal) { ["streamtype"] = "data", ["port"] = "8080", ["requestid"] = $"{i}" };
            inflater.Read(Encode(encoder, [.. headers])).Should().Equal(headers);
        }
    }

    [Fact]
    public void Only_the_first_block_starts_the_zlib_stream()
    {
        var encoder = new HeaderBlockEncoder();

        Convert.ToHexString(Encode(encoder, [])).Should().Be("7801" + "00" + "0400" + "FBFF" + "00000000" + "000000FFFF");
        Convert.ToHexString(Encode(encoder, [])).Should().Be("00" + "0400" + "FBFF" + "00000000" + "000000FFFF");
    }

    [Fact]
    public void Text_outside_of_ASCII_is_UTF_8()
    {
        KeyValuePair<string, string>[] headers = [new("name", "Grüße, 世界")];

        using var inflater = new HeaderInflater();
        inflater.Read(Encode(new HeaderBlockEncoder(), headers)).Should().Equal(headers.ToDictionary(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(4072, true)]
    [InlineData(4073, false)]
    public void A_block_of_more_than_4_KiB_is_refused_before_anything_is_written(int valueLength, bool allowed)
    {
        Func<int> size = () => HeaderBlockEncoder.MaxSize([new("", new string('v', valueLength))]);

        if (allowed)
        {
            size().Should().Be(4096);
        }
        else
        {
            size.Should().Throw<ArgumentException>().WithMessage("*4097 bytes*4096*");
        }
    }

    [Property]
    public bool Any_headers_survive_the_wire(NonEmptyArray<Dictionary<byte, PositiveInt>> blocks)
    {
        var encoder = new HeaderBlockEncoder();
        using var inflater = new HeaderInflater();
        return blocks.Get.All(block =>
        {
            KeyValuePair<string, string>[] headers = [.. block.Take(20).Select(header => new KeyValuePair<string, string>($"h{header.Key}", new string('v', header.Value.Get % 100)))];
            return inflater.Read(Encode(encoder, headers)).SequenceEqual(headers);
        });
    }

    private static byte[] Encode(HeaderBlockEncoder encoder, KeyValuePair<string, string>[] headers)
    {
        byte[] buffer = new byte[HeaderBlockEncoder.MaxSize(headers)];
        return buffer[..encoder.Encode(headers, buffer)];
    }
}
