using System.Buffers.Binary;

namespace PortForward.Fuzzing.Engine;

/// <summary>Makes new inputs out of others. The same seed and the same inputs give the same results.</summary>
/// <param name="random">Decides everything.</param>
/// <param name="dictionary">Pieces of input that mean something.</param>
internal sealed class Mutator(Random random, IReadOnlyList<byte[]> dictionary)
{
    /// <summary>What is longer costs time and shows nothing new.</summary>
    private const int MaxLength = 16 * 1024;

    private const int MostChanges = 6;

    /// <summary>The numbers around which code goes wrong.</summary>
    private static readonly ulong[] Boundaries =
    [
        0, 1, 2, 7, 8, 9, 0x7d, 0x7e, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0xff_ffff, 0x100_0000,
        0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, ulong.MaxValue,
    ];

    private static readonly string[] Numbers =
    [
        "-1", "0", "1", "255", "65535", "65536", "2147483647", "2147483648", "-2147483649", "4294967296", "9223372036854775807", "9223372036854775808",
        "1e309", "0.1", "1e-400", "00", "1_000", "٣",
    ];

    /// <summary>Texts that terminals, decoders and parsers take in another way than people.</summary>
    private static readonly byte[][] Oddities =
    [
        [0x1b, (byte)'[', (byte)'2', (byte)'J'], [7], [8], [0], [0x7f], "\r\n"u8.ToArray(), "\n"u8.ToArray(), "\u0085"u8.ToArray(), "\u2028"u8.ToArray(),
        "\u202e"u8.ToArray(), "\ufeff"u8.ToArray(), "\U000e0041"u8.ToArray(), "\U0001f600"u8.ToArray(), [0xff], [0xc3], [0xed, 0xa0, 0x80], "\\ud800"u8.ToArray(),
        "null"u8.ToArray(), "[null]"u8.ToArray(), "{}"u8.ToArray(), "[]"u8.ToArray(), "\"\""u8.ToArray(), "true"u8.ToArray(),
    ];

    /// <summary>A new input: one of the given ones, with one to six changes.</summary>
    /// <param name="inputs">What there is; at least one.</param>
    public FuzzInput Next(IReadOnlyList<FuzzInput> inputs)
    {
        FuzzInput origin = Pick(inputs);
        List<byte> bytes = [.. origin.Bytes];
        bool isRearranged = origin.IsRearranged;
        for (int changes = random.Next(1, MostChanges + 1); changes > 0; changes--)
        {
            isRearranged |= Change(bytes, inputs);
        }

        if (bytes.Count > MaxLength)
        {
            bytes.RemoveRange(MaxLength, bytes.Count - MaxLength);
        }

        return new FuzzInput([.. bytes], isRearranged);
    }

    /// <summary>Makes one change.</summary>
    /// <returns>Whether pieces stand elsewhere now than they were written.</returns>
    private bool Change(List<byte> bytes, IReadOnlyList<FuzzInput> inputs)
    {
        if (bytes.Count == 0)
        {
            bytes.AddRange(Piece());
            return false;
        }

        int at = random.Next(bytes.Count);
        int length = Math.Min(bytes.Count - at, random.Next(3) > 0 ? random.Next(1, 16) : random.Next(1, 256));
        switch (random.Next(12))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return false;
            case 1:
                bytes[at] = (byte)random.Next(256);
                return false;
            case 2:
                Overwrite(bytes, at, Integer());
                return false;
            case 3:
                bytes[at] = (byte)(bytes[at] + random.Next(-8, 9));
                return false;
            case 4:
                bytes.InsertRange(at, Piece());
                return false;
            case 5:
                Overwrite(bytes, at, Piece());
                return false;
            case 6:
                ReplaceNumber(bytes, at);
                return false;
            case 7:
                bytes.RemoveRange(at, bytes.Count - at);
                return false;
            case 8:
                bytes.RemoveRange(at, length);
                return true;
            case 9:
                byte[] twice = [.. bytes.GetRange(at, length)];
                for (int times = random.Next(8) == 0 ? random.Next(64) : 1; times > 0 && bytes.Count < MaxLength; times--)
                {
                    bytes.InsertRange(at, twice);
                }

                return true;
            case 10:
                byte[] moved = [.. bytes.GetRange(at, length)];
                bytes.RemoveRange(at, length);
                bytes.InsertRange(random.Next(bytes.Count + 1), moved);
                return true;
            default:
                byte[] other = Pick(inputs).Bytes;
                int from = random.Next(other.Length + 1);
                bytes.RemoveRange(at, bytes.Count - at);
                bytes.AddRange(other[from..]);
                return true;
        }
    }

    private byte[] Piece() => dictionary.Count > 0 && random.Next(4) > 0 ? Pick(dictionary) : Pick(Oddities);

    /// <summary>A boundary, in one to eight bytes of either order.</summary>
    private byte[] Integer()
    {
        byte[] all = new byte[sizeof(ulong)];
        ulong value = Pick(Boundaries);
        int size = 1 << random.Next(4);
        if (random.Next(4) == 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(all, value);
            return all[..size];
        }

        BinaryPrimitives.WriteUInt64BigEndian(all, value);
        return all[^size..];
    }

    /// <summary>Another number instead of the one in digits that comes next, if there is one.</summary>
    private void ReplaceNumber(List<byte> bytes, int at)
    {
        int start = bytes.FindIndex(at, static b => char.IsAsciiDigit((char)b));
        if (start < 0)
        {
            return;
        }

        int end = bytes.FindIndex(start, static b => !char.IsAsciiDigit((char)b));
        bytes.RemoveRange(start, (end < 0 ? bytes.Count : end) - start);
        bytes.InsertRange(start, System.Text.Encoding.UTF8.GetBytes(Pick(Numbers)));
    }

    private static void Overwrite(List<byte> bytes, int at, byte[] piece)
    {
        bytes.RemoveRange(at, Math.Min(piece.Length, bytes.Count - at));
        bytes.InsertRange(at, piece);
    }

    private T Pick<T>(IReadOnlyList<T> from) => from[random.Next(from.Count)];
}
