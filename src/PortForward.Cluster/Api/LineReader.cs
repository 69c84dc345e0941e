using System.Buffers;

namespace PortForward.Cluster.Api;

/// <summary>Reads a stream line by line; a line beyond the limit is a fault, so that a server cannot fill the memory.</summary>
internal sealed class LineReader(Stream stream, int maxLength) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(16384);
    private int _start;
    private int _end;
    private int _searched;

    /// <summary>The next line without its end, valid until the next call, or null at the stream's end. A last line without an end is not told: it was cut off.</summary>
    /// <exception cref="InvalidDataException">The line is longer than the limit.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadLineAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            int length = _buffer.AsSpan(_searched, _end - _searched).IndexOf((byte)'\n');
            if (length >= 0)
            {
                int end = _searched + length;
                ReadOnlyMemory<byte> line = _buffer.AsMemory(_start, end - _start);
                _start = _searched = end + 1;
                return line;
            }

            _searched = _end;
            MakeRoom();
            int read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return null;
            }

            _end += read;
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private void MakeRoom()
    {
        int pending = _end - _start;
        if (pending > maxLength)
        {
            throw new InvalidDataException($"a line is longer than {maxLength} bytes");
        }

        byte[] target = _buffer;
        if (pending == _buffer.Length)
        {
            target = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        }
        else if (_start == 0)
        {
            return;
        }

        _buffer.AsSpan(_start, pending).CopyTo(target);
        if (target != _buffer)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = target;
        }

        _start = 0;
        _end = _searched = pending;
    }
}
