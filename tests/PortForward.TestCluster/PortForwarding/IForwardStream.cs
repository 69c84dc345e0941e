namespace PortForward.Testing.PortForwarding;

/// <summary>The client's side of one forwarded connection, whatever carries it.</summary>
internal interface IForwardStream
{
    /// <summary>The client's next bytes, or null when it has ended its direction, reset the stream or gone.</summary>
    ValueTask<byte[]?> ReadAsync(CancellationToken cancellationToken);

    ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Ends the server's direction; a second call does nothing.</summary>
    ValueTask CloseAsync();
}
