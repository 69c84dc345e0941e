using System.Text;

namespace PortForward.TestSupport;

/// <summary>The head of an HTTP message, up to the empty line and with it.</summary>
internal static class HttpHead
{
    /// <summary>Reads a head byte by byte, so that nothing is taken of what follows it.</summary>
    /// <returns>The head; null if the stream ends before it does.</returns>
    public static async Task<string?> ReadAsync(Stream stream, CancellationToken cancellationToken = default)
    {
        var head = new List<byte>();
        byte[] next = new byte[1];
        while (head is not [.., (byte)'\r', (byte)'\n', (byte)'\r', (byte)'\n'])
        {
            if (await stream.ReadAsync(next, cancellationToken) == 0)
            {
                return null;
            }

            head.Add(next[0]);
        }

        return Encoding.UTF8.GetString([.. head]);
    }
}
