using System.Text;

namespace PortForward.Cluster.Transport;

/// <summary>
/// A header with several values, each on a line of its own. .NET joins values with commas, and for the API server
/// <c>Impersonate-Group: a, b</c> is one group; the encoding of a header's value, which can be chosen, is where a line can be begun.
/// </summary>
internal sealed class RepeatedHeader : Encoding
{
    /// <summary>Separates the values. <see cref="HeaderText.HasControls"/> makes sure that none contains it.</summary>
    private const char Separator = '\u001e';

    private readonly byte[] _nextLine;

    private RepeatedHeader(string name) => _nextLine = ASCII.GetBytes($"\r\n{name}: ");

    /// <summary>Sets a header on a request that is to be sent with <see cref="EncodingOf"/>.</summary>
    public static void Set(HttpRequestMessage request, string name, IReadOnlyList<string> values)
    {
        request.Headers.Remove(name);
        request.Headers.TryAddWithoutValidation(name, string.Join(Separator, values));
    }

    /// <summary>The encoding of a header's value: UTF-8 as in Go, whatever the header, and a line for each value.</summary>
    public static Encoding EncodingOf(string name) =>
        name.StartsWith("Impersonate-", StringComparison.OrdinalIgnoreCase) ? new RepeatedHeader(name) : UTF8;

    /// <inheritdoc/>
    public override int GetByteCount(char[] chars, int index, int count) => GetByteCount(chars.AsSpan(index, count));

    /// <inheritdoc/>
    public override int GetByteCount(ReadOnlySpan<char> chars)
    {
        int separators = chars.Count(Separator);
        return UTF8.GetByteCount(chars) + (separators * (_nextLine.Length - 1));
    }

    /// <inheritdoc/>
    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        GetBytes(chars.AsSpan(charIndex, charCount), bytes.AsSpan(byteIndex));

    /// <inheritdoc/>
    public override int GetBytes(ReadOnlySpan<char> chars, Span<byte> bytes)
    {
        int written = 0;
        bool isFirst = true;
        foreach (Range value in chars.Split(Separator))
        {
            if (!isFirst)
            {
                _nextLine.CopyTo(bytes[written..]);
                written += _nextLine.Length;
            }

            written += UTF8.GetBytes(chars[value], bytes[written..]);
            isFirst = false;
        }

        return written;
    }

    /// <inheritdoc/>
    public override int GetMaxByteCount(int charCount) => UTF8.GetMaxByteCount(charCount) + (charCount * _nextLine.Length);

    /// <inheritdoc/>
    public override int GetCharCount(byte[] bytes, int index, int count) => UTF8.GetCharCount(bytes, index, count);

    /// <inheritdoc/>
    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
        UTF8.GetChars(bytes, byteIndex, byteCount, chars, charIndex);

    /// <inheritdoc/>
    public override int GetMaxCharCount(int byteCount) => UTF8.GetMaxCharCount(byteCount);
}
