using System.Net.Security;

namespace PortForward.Cluster.Transport;

/// <summary>A TLS connection that was opened in advance, and that is watched until somebody uses it.</summary>
/// <remarks>
/// It is an <see cref="SslStream"/> by name only, since the HTTP handler asks for one; of its properties the handler uses only those that are forwarded here. A request
/// whose connection ends before the first byte of an answer is sent again by the handler; so whatever shows that it was dead looks like such an end.
/// </remarks>
internal sealed class WarmConnection : SslStream
{
    private readonly SslStream _connection;
    private readonly WarmConnections _owner;
    private volatile bool _isUsed;
    private volatile bool _hasAnswered;
    private volatile bool _isDisposed;

    /// <summary>Takes a connection, which it owns from now on.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="opened">When its dial began.</param>
    /// <param name="owner">Is told whether it was alive when it was used.</param>
    public WarmConnection(SslStream connection, DateTimeOffset opened, WarmConnections owner)
        : base(connection, leaveInnerStreamOpen: true)
    {
        _connection = connection;
        _owner = owner;
        Opened = opened;
        Completion = WatchAsync(connection);
    }

    /// <summary>When its dial began.</summary>
    public DateTimeOffset Opened { get; }

    /// <summary>Completes when the server has ended it, or has sent something. Never faults.</summary>
    public Task Completion { get; }

    /// <summary>Whether it is of no use, as long as nothing was sent through it.</summary>
    public bool HasEnded => Completion.IsCompleted;

    public override bool CanRead => _connection.CanRead;

    public override bool CanWrite => _connection.CanWrite;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _hasAnswered ? _connection.ReadAsync(buffer, cancellationToken) : ReadFirstAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _hasAnswered ? _connection.WriteAsync(buffer, cancellationToken) : WriteFirstAsync(buffer, cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => _connection.FlushAsync(cancellationToken);

    public override async ValueTask DisposeAsync()
    {
        End();
        await _connection.DisposeAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            End();
            _connection.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Waits for the first byte. Once somebody uses the connection this is part of the first read.</summary>
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
        await Completion.WaitAsync(cancellationToken).ConfigureAwait(false);
        int read = 0;
        try
        {
            read = await _connection.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException) when (_isUsed && !_isDisposed)
        {
            // An end before the first byte.
        }

        if (read > 0)
        {
            _hasAnswered = true;
            _owner.Succeed();
        }

        return read;
    }

    private async ValueTask WriteFirstAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken)
    {
        _isUsed = true;
        try
        {
            await _connection.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException) when (!_isDisposed)
        {
            // The first read meets with the same.
        }
    }

    /// <summary>Whoever closes it without an answer to his request has found it dead, or has waited for too long.</summary>
    private void End()
    {
        if (!_isDisposed && _isUsed && !_hasAnswered)
        {
            _owner.DropAll();
        }

        _isDisposed = true;
    }
}
