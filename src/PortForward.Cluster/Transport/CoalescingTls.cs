using System.Net.Security;
using System.Runtime.CompilerServices;

namespace PortForward.Cluster.Transport;

/// <summary>TLS that sends the records of one write together. It is an <see cref="SslStream"/>, since the HTTP handler asks for one.</summary>
internal sealed class CoalescingTls(CoalescingStream connection) : SslStream(connection, leaveInnerStreamOpen: false)
{
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        connection.Coalesce();
        await base.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        await connection.SendCoalescedAsync(cancellationToken).ConfigureAwait(false);
    }
}
