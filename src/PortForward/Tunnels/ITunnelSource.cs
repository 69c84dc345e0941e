using System.Diagnostics.CodeAnalysis;

namespace PortForward.Tunnels;

/// <summary>Where a forwarder gets its stream pairs from.</summary>
public interface ITunnelSource : IAsyncDisposable
{
    /// <summary>Makes sure that a tunnel stands, so that what cannot work is known before anything listens.</summary>
    /// <returns>Null when one stands, otherwise why none does.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    Task<TunnelFault?> PrepareAsync(CancellationToken cancellationToken);

    /// <summary>Opens a pair to a port of the pod.</summary>
    /// <param name="port">The pod's port, 1 to 65535.</param>
    /// <param name="firstBytes">What the client has sent already, at most <see cref="MaxFirstBytes"/>; may be empty.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The pair, or why there is none.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<OpenPairResult> OpenPairAsync(int port, ReadOnlyMemory<byte> firstBytes, CancellationToken cancellationToken);

    /// <summary>The most first bytes that <see cref="OpenPairAsync"/> takes, in bytes.</summary>
    int MaxFirstBytes { get; }
}

/// <summary>A stream pair, or why there is none: exactly one of the two is set.</summary>
public readonly record struct OpenPairResult
{
    /// <summary>A pair that is open.</summary>
    public OpenPairResult(IStreamPair pair) => Pair = pair;

    /// <summary>An attempt that failed.</summary>
    public OpenPairResult(TunnelFault fault) => Fault = fault;

    /// <summary>The pair, owned by the caller.</summary>
    public IStreamPair? Pair { get; }

    /// <summary>Why there is no pair.</summary>
    public TunnelFault? Fault { get; }

    /// <summary>Tells the two cases apart.</summary>
    public bool Succeeded([NotNullWhen(true)] out IStreamPair? pair, [NotNullWhen(false)] out TunnelFault? fault)
    {
        pair = Pair;
        fault = Fault;
        return pair is not null;
    }
}
