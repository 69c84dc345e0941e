using System.Text;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

public class RepeatedHeaderTests
{
    [Theory]
    [InlineData(new[] { "one" }, "one")]
    [InlineData(new[] { "a", "b, c", "" }, "a\r\nImpersonate-Group: b, c\r\nImpersonate-Group: ")]
    [InlineData(new[] { "ünï", "😀" }, "ünï\r\nImpersonate-Group: 😀")]
    public void Each_value_is_a_line_of_its_own(string[] values, string expected)
    {
        using var request = new HttpRequestMessage();
        RepeatedHeader.Set(request, "Impersonate-Group", ["something else"]);
        RepeatedHeader.Set(request, "Impersonate-Group", values);
        string joined = request.Headers.GetValues("Impersonate-Group").Single();
        Encoding encoding = RepeatedHeader.EncodingOf("Impersonate-Group");

        encoding.GetString(encoding.GetBytes(joined)).Should().Be(expected);
        encoding.GetByteCount(joined).Should().Be(Encoding.UTF8.GetByteCount(expected));
        encoding.GetByteCount(joined.ToCharArray()).Should().Be(Encoding.UTF8.GetByteCount(expected));
        encoding.GetMaxByteCount(joined.Length).Should().BeGreaterThanOrEqualTo(Encoding.UTF8.GetByteCount(expected));
        byte[] target = new byte[encoding.GetByteCount(joined) + 2];
        encoding.GetBytes(joined.ToCharArray(), 0, joined.Length, target, 2).Should().Be(target.Length - 2);
        Encoding.UTF8.GetString(target, 2, target.Length - 2).Should().Be(expected);
    }

    [Fact]
    public void Other_headers_are_plain_UTF8() => RepeatedHeader.EncodingOf("Authorization").Should().BeSameAs(Encoding.UTF8);
}
