namespace PortForward.Tests.Support;

/// <summary>A stream that is read in given chunks: no read crosses the end of one. What is written to it is of no interest.</summary>
/// <param name="chunks">What is read.</param>
/// <param name="start">Reading waits for it, if there is one.</param>
internal sealed class ChunkedStream(byte[][] chunks, Task? start = null) : MemoryStream
{
    private int _chunk;
    private int _offset;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await (start ?? Task.CompletedTask);
        await Task.Yield();
        while (_chunk < chunks.Length && _offset == chunks[_chunk].Length)
        {
            _chunk++;
            _offset = 0;
        }

        if (_chunk == chunks.Length)
        {
            return 0;
        }

        int count = Math.Min(buffer.Length, chunks[_chunk].Length - _offset);
        chunks[_chunk].AsMemory(_offset, count).CopyTo(buffer);
        _offset += count;
        return count;
    }
}
