using System.Buffers.Binary;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>
/// Takes as many bytes as it sends, at the same time, and ends with the SHA-256 of what it took and of what it sent. Both sides make their
/// bytes from a seed and hash what really went through their sockets.
/// </summary>
internal static class BulkApplication
{
    private const int BlockSize = 64 * 1024;

    private const int HeadSize = sizeof(long);

    /// <summary>The application in the pod: the client's first eight bytes say how much goes each way.</summary>
    public static async Task ServeAsync(Socket connection, CancellationToken stopping)
    {
        await using var stream = new NetworkStream(connection);
        byte[] head = new byte[HeadSize];
        await stream.ReadExactlyAsync(head, stopping);
        long length = BinaryPrimitives.ReadInt64BigEndian(head);
        byte[][] hashes = await Task.WhenAll(ReceiveAsync(stream, length, stopping), SendAsync(stream, length, seed: 2, stopping));
        await stream.WriteAsync(hashes.SelectMany(hash => hash).ToArray(), stopping);
    }

    /// <summary>The client: fails when a byte is wrong, missing or too many.</summary>
    public static async Task TransferAsync(Socket client, long length, CancellationToken cancellationToken)
    {
        await using var stream = new NetworkStream(client);
        byte[] head = new byte[HeadSize];
        BinaryPrimitives.WriteInt64BigEndian(head, length);
        await stream.WriteAsync(head, cancellationToken);
        byte[][] own = await Task.WhenAll(SendAsync(stream, length, seed: 1, cancellationToken), ReceiveAsync(stream, length, cancellationToken));

        byte[] hashes = new byte[2 * SHA256.HashSizeInBytes];
        await stream.ReadExactlyAsync(hashes, cancellationToken);
        hashes[..SHA256.HashSizeInBytes].Should().Equal(own[0], "the application must have taken what the client sent");
        hashes[SHA256.HashSizeInBytes..].Should().Equal(own[1], "the client must have received what the application sent");
    }

    private static async Task<byte[]> SendAsync(NetworkStream stream, long length, int seed, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var random = new Random(seed);
        byte[] block = new byte[BlockSize];
        for (long left = length; left > 0; left -= block.Length)
        {
            random.NextBytes(block);
            Memory<byte> part = block.AsMemory(0, (int)Math.Min(left, block.Length));
            hash.AppendData(part.Span);
            await stream.WriteAsync(part, cancellationToken);
        }

        return hash.GetHashAndReset();
    }

    private static async Task<byte[]> ReceiveAsync(NetworkStream stream, long length, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] block = new byte[BlockSize];
        for (long left = length; left > 0;)
        {
            int read = await stream.ReadAsync(block.AsMemory(0, (int)Math.Min(left, block.Length)), cancellationToken);
            read.Should().BePositive("{0} of {1} bytes are missing", left, length);
            hash.AppendData(block, 0, read);
            left -= read;
        }

        return hash.GetHashAndReset();
    }
}
