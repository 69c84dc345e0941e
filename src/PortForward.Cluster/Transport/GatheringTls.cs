using System.Net.Security;
using System.Runtime.CompilerServices;

namespace PortForward.Cluster.Transport;

/// <summary>TLS whose records leave together when they belong to one write. It is an <see cref="SslStream"/>, since the HTTP handler asks for one.</summary>
internal sealed class GatheringTls(GatheringStream connection) : SslStream(connection, leaveInnerStreamOpen: false)
{
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        connection.Gather();
        await base.WriteAsync(buffer, cancellationToken).ConfigureAwait(false);
        await connection.SendGatheredAsync(cancellationToken).ConfigureAwait(false);
    }
}
