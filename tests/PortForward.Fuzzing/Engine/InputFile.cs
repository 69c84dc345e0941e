using System.Globalization;
using System.Text;

namespace PortForward.Fuzzing.Engine;

/// <summary>
/// Inputs as text files. <c>.txt</c> is the input itself. <c>.hex</c> is for bytes: hexadecimal digits in any grouping, text in quotes of either kind, and
/// comments from <c>#</c> to the end of the line.
/// </summary>
internal static class InputFile
{
    /// <summary>How many bytes of hexadecimal digits go into a line.</summary>
    private const int BytesPerLine = 32;

    /// <summary>From how many printable characters on bytes are written as text.</summary>
    private const int ShortestText = 4;

    /// <summary>Reads the inputs of a folder, in the order of their names.</summary>
    public static IReadOnlyList<FuzzInput> ReadAll(string folder) =>
        Directory.Exists(folder) ? [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(Read)] : [];

    /// <summary>Reads an input.</summary>
    public static FuzzInput Read(string path) =>
        new(Path.GetExtension(path) == ".hex" ? Parse(File.ReadAllText(path)) : File.ReadAllBytes(path));

    /// <summary>The bytes that a <c>.hex</c> file stands for.</summary>
    public static byte[] Parse(string text)
    {
        var bytes = new List<byte>();
        for (int at = 0; at < text.Length;)
        {
            char c = text[at];
            if (char.IsWhiteSpace(c))
            {
                at++;
            }
            else if (c == '#')
            {
                int end = text.IndexOf('\n', at);
                at = end < 0 ? text.Length : end;
            }
            else if (c is '"' or '\'')
            {
                int end = text.IndexOf(c, at + 1);
                bytes.AddRange(Encoding.UTF8.GetBytes(text[(at + 1)..end]));
                at = end + 1;
            }
            else
            {
                bytes.Add(byte.Parse(text.AsSpan(at, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                at += 2;
            }
        }

        return [.. bytes];
    }

    /// <summary>A <c>.hex</c> file.</summary>
    public static string Format(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        while (!bytes.IsEmpty)
        {
            (char quote, int printable) = Printable(bytes);
            if (printable >= ShortestText)
            {
                text.Append(quote).Append(Encoding.ASCII.GetString(bytes[..printable])).Append(quote).Append('\n');
                bytes = bytes[printable..];
                continue;
            }

            int binary = 0;
            do
            {
                binary++;
            }
            while (binary < Math.Min(BytesPerLine, bytes.Length) && Printable(bytes[binary..]).Length < ShortestText);
            text.Append(Convert.ToHexStringLower(bytes[..binary])).Append('\n');
            bytes = bytes[binary..];
        }

        return text.ToString();
    }

    /// <summary>How many of the initial data can stand in quotes, and in which.</summary>
    private static (char Quote, int Length) Printable(ReadOnlySpan<byte> bytes)
    {
        (int one, int two) = (Length(bytes, '"'), Length(bytes, '\''));
        return one >= two ? ('"', one) : ('\'', two);

        static int Length(ReadOnlySpan<byte> bytes, char quote)
        {
            int length = 0;
            while (length < bytes.Length && bytes[length] is >= 0x20 and < 0x7f && bytes[length] != quote)
            {
                length++;
            }

            return length;
        }
    }
}
