namespace PortForward.Tests;

public sealed class UntrustedTextTests
{
    [Theory]
    [InlineData("connection refused", "connection refused")]
    [InlineData("  two\r\n lines\t", "two lines")]
    [InlineData("red \u001b[31malert\u001b[0m", "red [31malert [0m")]
    [InlineData("a\u0007\u0008\u009bb", "a b")]
    [InlineData("left\u202eright\u2066\u200b", "left right")]
    [InlineData("one\u2028two\u2029three\u0085four", "one two three four")]
    [InlineData("tag\U000E0041s", "tag s")]
    [InlineData("naïve 日本 😀", "naïve 日本 😀")]
    [InlineData("<html><title>x</title><body>Bad <b>Gateway</b></body></html>", "Bad Gateway")]
    [InlineData("a < b and b > a", "a < b and b > a")]
    [InlineData(null, "")]
    public void One_line_holds_words_only(string? text, string line) => UntrustedText.OneLine(text).Should().Be(line);

    [Theory]
    [InlineData("abcdef", "abcdef")]
    [InlineData("abcdefg", "abcde…")]
    [InlineData("abcd😀", "abcd😀")]
    [InlineData("abcde😀", "abcde…")]
    [InlineData("abc d e f", "abc d…")]
    [InlineData("abc  \n def ", "abc d…")]
    public void One_line_is_no_longer_than_asked_for(string text, string line) => UntrustedText.OneLine(text, maxLength: 6).Should().Be(line);

    [Theory]
    [InlineData("Forwarding from 127.0.0.1:8080 -> 80", "Forwarding from 127.0.0.1:8080 -> 80")]
    [InlineData("  keeps  spaces ", "  keeps  spaces ")]
    [InlineData("\u001b]52;c;aGk=\u0007", "\\u001b]52;c;aGk=\\u0007")]
    [InlineData("a\r\nlost: b", "a  lost: b")]
    [InlineData("x\u2028y\u202ez\u009b", "x y\\u202ez\\u009b")]
    [InlineData("tag\U000E0041", "tag\\U000e0041")]
    public void What_could_change_a_terminal_is_shown_as_an_escape(string text, string shown) => UntrustedText.Escaped(text, maxLength: 100).Should().Be(shown);

    [Theory]
    [InlineData("abcdef", "abcdef")]
    [InlineData("abcdefg", "abcde…")]
    [InlineData("abc\u001bd", "abc…")]
    [InlineData("abcde😀", "abcde…")]
    [InlineData("abc😀😀", "abc😀…")]
    public void An_escaped_text_is_no_longer_than_asked_for(string text, string shown) => UntrustedText.Escaped(text, maxLength: 6).Should().Be(shown);

    [Fact]
    public void Half_a_surrogate_pair_becomes_a_replacement_character()
    {
        UntrustedText.OneLine("a \ud800 b").Should().Be("a \ufffd b");
        UntrustedText.Escaped("a \udc00", maxLength: 100).Should().Be("a \ufffd");
    }
}
