using System.Threading.Channels;

namespace PortForward.Testing.PortForwarding;

/// <summary>The tunnel's bytes on their way through the API server, where a test can stop or delay them.</summary>
internal sealed class TunnelStream : Stream
{
    private readonly Stream _inner;
    private readonly Delay? _toServer;
    private readonly Delay? _toClient;
    private TaskCompletionSource? _frozen;
    private long _bytesRead;
    private long _bytesWritten;

    public TunnelStream(Stream inner, TimeSpan delayToServer, TimeSpan delayToClient, TimeProvider time)
    {
        _inner = inner;
        _toServer = delayToServer > TimeSpan.Zero ? new Delay(delayToServer, time) : null;
        _toClient = delayToClient > TimeSpan.Zero ? new Delay(delayToClient, time) : null;
        if (_toServer is not null)
            _ = FillAsync(_toServer);
        if (_toClient is not null)
            _ = DrainAsync(_toClient);
    }

    public long BytesRead => Interlocked.Read(ref _bytesRead);

    public long BytesWritten => Interlocked.Read(ref _bytesWritten);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public void Freeze() =>
        Interlocked.CompareExchange(ref _frozen, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), null);

    public void Thaw() => Interlocked.Exchange(ref _frozen, null)?.SetResult();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = _toServer is null
            ? await _inner.ReadAsync(buffer, cancellationToken)
            : await _toServer.ReadAsync(buffer, cancellationToken);
        await WhileFrozenAsync(cancellationToken);
        Interlocked.Add(ref _bytesRead, read);
        return read;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await WhileFrozenAsync(cancellationToken);
        if (_toClient is null)
            await _inner.WriteAsync(buffer, cancellationToken);
        else
            await _toClient.WriteAsync(buffer.ToArray(), cancellationToken);
        Interlocked.Add(ref _bytesWritten, buffer.Length);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _toServer?.Complete();
            _toClient?.Complete();
            _inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private Task WhileFrozenAsync(CancellationToken cancellationToken) =>
        Volatile.Read(ref _frozen) is { } frozen ? frozen.Task.WaitAsync(cancellationToken) : Task.CompletedTask;

    private async Task FillAsync(Delay delay)
    {
        var buffer = new byte[32 * 1024];
        try
        {
            while (await _inner.ReadAsync(buffer) is var read and > 0)
                await delay.WriteAsync(buffer[..read], CancellationToken.None);
        }
        catch (Exception lost) when (lost is IOException or ObjectDisposedException or OperationCanceledException or ChannelClosedException)
        {
        }

        delay.Complete();
    }

    private async Task DrainAsync(Delay delay)
    {
        try
        {
            var buffer = new byte[32 * 1024];
            while (await delay.ReadAsync(buffer, CancellationToken.None) is var read and > 0)
                await _inner.WriteAsync(buffer.AsMemory(0, read));
        }
        catch (Exception lost) when (lost is IOException or ObjectDisposedException or OperationCanceledException)
        {
            delay.Complete();
        }
    }

    /// <summary>A line of a given length in time: bytes leave it in order, each the given time after it came.</summary>
    private sealed class Delay(TimeSpan delay, TimeProvider time)
    {
        private readonly Channel<(DateTimeOffset Due, byte[] Bytes)> _line = Channel.CreateBounded<(DateTimeOffset, byte[])>(256);
        private ReadOnlyMemory<byte> _rest;

        public async ValueTask WriteAsync(byte[] bytes, CancellationToken cancellationToken)
        {
            try
            {
                await _line.Writer.WriteAsync((time.GetUtcNow() + delay, bytes), cancellationToken);
            }
            catch (ChannelClosedException closed)
            {
                throw new IOException("The tunnel is over.", closed);
            }
        }

        public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            if (_rest.IsEmpty)
            {
                if (!await _line.Reader.WaitToReadAsync(cancellationToken) || !_line.Reader.TryRead(out var next))
                    return 0;
                if (next.Due - time.GetUtcNow() is var wait && wait > TimeSpan.Zero)
                    await Task.Delay(wait, time, cancellationToken);
                _rest = next.Bytes;
            }

            var count = Math.Min(buffer.Length, _rest.Length);
            _rest[..count].CopyTo(buffer);
            _rest = _rest[count..];
            return count;
        }

        public void Complete() => _line.Writer.TryComplete();
    }
}
