using System.Text;

namespace PortForward.Fuzzing.Engine;

/// <summary>What a target is given.</summary>
/// <param name="bytes">The bytes that somebody else wrote.</param>
/// <param name="isRearranged">Whether pieces were moved, so that a secret in it may stand where a name is meant, which a message may repeat.</param>
internal sealed class FuzzInput(byte[] bytes, bool isRearranged = false)
{
    public byte[] Bytes => bytes;

    public bool IsRearranged => isRearranged;

    /// <summary>The bytes as text; what is no UTF-8 comes out as U+FFFD.</summary>
    public string Text { get; } = Encoding.UTF8.GetString(bytes);

    /// <summary>Choices that are not the input's, such as how a stream is cut: the same for the same bytes, whoever runs them.</summary>
    public Random NewRandom()
    {
        unchecked
        {
            int seed = (int)2166136261;
            foreach (byte b in bytes)
            {
                seed = (seed ^ b) * 16777619;
            }

            return new Random(seed);
        }
    }
}
