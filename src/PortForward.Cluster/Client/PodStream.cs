using System.Diagnostics.CodeAnalysis;
using PortForward.Forwarding;

namespace PortForward.Cluster;

/// <summary>
/// A connection to a port of a pod, without a listener and without a local port. What a client of a forwarded port is promised, its reader and its writer are too.
/// </summary>
/// <remarks>
/// <para>
/// <b>The end.</b> A read returns 0 only after a whole answer. If the pod resets the connection, if the answer is cut, or if nobody knows whether it is whole, it
/// throws an <see cref="IOException"/> that says why, once everything that has arrived was read.
/// </para>
/// <para>
/// <b>Disposing</b> closes the connection gracefully: what was written still goes to the application, and what it answers is thrown away. There is no buffer in
/// between: a write ends when its bytes were taken, and one that is under way fails. An application that never reads what was taken keeps its tunnel until it ends.
/// </para>
/// <para>
/// <b>Half-close.</b> <see cref="CompleteWrites"/> ends this direction. Container runtimes cut the answer one second after they have seen that, and so the end is held
/// back until the application has ended too, or was silent for 5 seconds: a long answer arrives whole. An application that waits for the end before it answers never
/// sees it, through any client of this protocol; it needs the length of what it is sent. See docs/how-connections-end.md.
/// </para>
/// <para>One read and one write may be under way at a time.</para>
/// </remarks>
[SuppressMessage("ApiDesign", "RS0027:API with optional parameter(s) should have the most parameters amongst its public overloads", Justification = "As in Stream.")]
public sealed class PodStream : Stream
{
    private readonly StreamClientEnd _client;
    private readonly Task _run;
    private readonly string _port;
    private readonly PortForwarderOptions _options;
    private volatile bool _hasCompletedWrites;
    private volatile bool _isDisposed;

    internal PodStream(StreamClientEnd client, Task run, string port, PortForwarderOptions options)
    {
        _client = client;
        _run = run;
        _port = port;
        _options = options;
    }

    /// <inheritdoc/>
    public override bool CanRead => !_isDisposed;

    /// <inheritdoc/>
    public override bool CanWrite => !_isDisposed;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>How the pod's side has ended; null while it has not.</summary>
    internal ConnectionEnd? End => _client.End;

    /// <summary>Says that nothing more will be written. The application's answer can still be read; the remarks say what the application sees of it, and when.</summary>
    public void CompleteWrites()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        _hasCompletedWrites = true;
        _client.FromClient.Finish();
    }

    /// <inheritdoc/>
    /// <exception cref="IOException">The connection has ended otherwise than by a whole answer; the message says how.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return await _client.ToClient.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) ?? throw WhyEnded();
    }

    /// <inheritdoc/>
    /// <exception cref="IOException">The connection has ended; the message says how.</exception>
    /// <exception cref="InvalidOperationException">The writes were completed.</exception>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_hasCompletedWrites)
        {
            throw new InvalidOperationException("Nothing can be written after CompleteWrites.");
        }

        if (!await _client.FromClient.WriteAsync(buffer, cancellationToken).ConfigureAwait(false))
        {
            throw WhyEnded();
        }
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer, offset, count, CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override IAsyncResult BeginRead(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        TaskToAsyncResult.Begin(ReadAsync(buffer, offset, count, CancellationToken.None), callback, state);

    /// <inheritdoc/>
    public override int EndRead(IAsyncResult asyncResult) => TaskToAsyncResult.End<int>(asyncResult);

    /// <inheritdoc/>
    public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        TaskToAsyncResult.Begin(WriteAsync(buffer, offset, count, CancellationToken.None), callback, state);

    /// <inheritdoc/>
    public override void EndWrite(IAsyncResult asyncResult) => TaskToAsyncResult.End(asyncResult);

    /// <summary>Does nothing: there is no buffer.</summary>
    public override void Flush()
    {
    }

    /// <summary>Does nothing: there is no buffer.</summary>
    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Closes the connection gracefully, and waits a little until what was written has left.</summary>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync().ConfigureAwait(false);
        await _run.WaitAsync(_options.LingerTimeout, _options.Time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_isDisposed)
        {
            _isDisposed = true;
            _client.CloseByClient();
        }

        base.Dispose(disposing);
    }

    private Exception WhyEnded() => _isDisposed
        ? new ObjectDisposedException(nameof(PodStream))
        : new IOException(_client.End is { } end
            ? ConnectionText.Describe(end, _port) ?? "the application has ended the connection"
            : "the connection was ended on this side, as when its cluster client is disposed");
}
