using System.Diagnostics.CodeAnalysis;

namespace PortForward.Tunnels;

/// <summary>Where a forwarder gets its stream pairs from.</summary>
public interface ITunnelSource : IAsyncDisposable
{
    /// <summary>Makes sure that a tunnel stands, so that what cannot work is known before anything listens.</summary>
    /// <returns>Null when one stands, otherwise why none does.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    Task<TunnelFault?> PrepareAsync(CancellationToken cancellationToken);

    /// <summary>Opens a pair to a port of a pod.</summary>
    /// <param name="request">Which port, with what first bytes, and on which pods not.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The pair, or why there is none.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<OpenPairResult> OpenPairAsync(PairRequest request, CancellationToken cancellationToken);

    /// <summary>The most first bytes that <see cref="OpenPairAsync"/> takes, in bytes.</summary>
    int MaxFirstBytes { get; }

    /// <summary>Completes, with the reason, when the source will never again open a pair. It does not complete before that.</summary>
    Task<TunnelFault> Lost { get; }
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

    /// <summary>The pod that the pair leads to, or that failed; null if the source knows of one only.</summary>
    public string? Pod { get; init; }

    /// <summary>Tells the two cases apart.</summary>
    public bool Succeeded([NotNullWhen(true)] out IStreamPair? pair, [NotNullWhen(false)] out TunnelFault? fault)
    {
        pair = Pair;
        fault = Fault;
        return pair is not null;
    }
}
