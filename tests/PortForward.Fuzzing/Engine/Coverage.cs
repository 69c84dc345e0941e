using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace PortForward.Fuzzing.Engine;

/// <summary>Which branches the instrumented assemblies have taken, and roughly how often.</summary>
/// <remarks>Several threads count into the same table, so that a branch now and then seems to be new that is not. That costs an input, no more.</remarks>
internal static unsafe class Coverage
{
    /// <summary>As in AFL, which SharpFuzz counts for.</summary>
    private const int Size = 1 << 16;

    private static readonly byte* Counts = Allocate();
    private static readonly byte[] Seen = new byte[Size];

    /// <summary>Begins to count. To be called before any code runs that is instrumented.</summary>
    public static void Start() => Trace.SharedMem = Counts;

    /// <summary>Whether a branch was taken since the last call that never was before, or never so often; forgets the counts.</summary>
    public static bool TakeNew()
    {
        var counts = new Span<byte>(Counts, Size);
        bool isNew = false;
        for (int at = 0; (at += Next(counts[at..])) < Size; at++)
        {
            byte bucket = Bucket(counts[at]);
            isNew |= (Seen[at] & bucket) == 0;
            Seen[at] |= bucket;
        }

        counts.Clear();
        Trace.PrevLocation = 0;
        return isNew;
    }

    private static byte* Allocate() => (byte*)NativeMemory.AllocZeroed(Size);

    /// <summary>How far away the next branch is that was taken.</summary>
    private static int Next(ReadOnlySpan<byte> counts) => counts.IndexOfAnyExcept((byte)0) is >= 0 and int next ? next : counts.Length;

    /// <summary>How often, roughly: one bit each for 1, 2, 3, 4 to 7, 8 to 15, 16 to 31, 32 to 127, and more.</summary>
    private static byte Bucket(byte count) => count switch
    {
        <= 2 => count,
        3 => 4,
        <= 7 => 8,
        <= 15 => 16,
        <= 31 => 32,
        <= 127 => 64,
        _ => 128,
    };
}
