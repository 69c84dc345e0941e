using System.Net.Security;

namespace PortForward.Cluster.Transport;

/// <summary>A TLS connection that was opened in advance, and that is watched until somebody uses it.</summary>
/// <remarks>It is an <see cref="SslStream"/> by name only, since the HTTP handler asks for one.</remarks>
internal sealed class WarmConnection : SslStream
{
    private readonly SslStream _connection;
    private readonly Action _onDead;
    private volatile bool _hasAnswered;
    private volatile bool _isDisposed;

    /// <summary>Takes a connection, which it owns from now on.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="opened">When it was begun.</param>
    /// <param name="onDead">Called when somebody uses it and it ends before its first byte.</param>
    public WarmConnection(SslStream connection, DateTimeOffset opened, Action onDead)
        : base(connection, leaveInnerStreamOpen: true)
    {
        _connection = connection;
        _onDead = onDead;
        Opened = opened;
        Ended = WatchAsync(connection);
    }

    /// <summary>When its opening began.</summary>
    public DateTimeOffset Opened { get; }

    /// <summary>Completes when the server has ended it, or has sent something. Never faults.</summary>
    public Task Ended { get; }

    /// <summary>Whether it is of no use, as long as nothing was sent through it.</summary>
    public bool HasEnded => Ended.IsCompleted;

    public override bool CanRead => _connection.CanRead;

    public override bool CanWrite => _connection.CanWrite;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _hasAnswered ? _connection.ReadAsync(buffer, cancellationToken) : ReadFirstAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _connection.WriteAsync(buffer, cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => _connection.FlushAsync(cancellationToken);

    public override async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        await _connection.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _isDisposed = true;
            _connection.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Waits for the first byte without a buffer. Once somebody uses the connection this is part of the first read.</summary>
    private static async Task WatchAsync(SslStream connection)
    {
        try
        {
            await connection.ReadAsync(Memory<byte>.Empty).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The first read meets with the same.
        }
    }

    private async ValueTask<int> ReadFirstAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        await Ended.WaitAsync(cancellationToken).ConfigureAwait(false);
        int read = 0;
        try
        {
            read = await _connection.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            return read;
        }
        finally
        {
            _hasAnswered = read > 0;
            if (read == 0 && !buffer.IsEmpty && !_isDisposed)
            {
                _onDead();
            }
        }
    }
}
