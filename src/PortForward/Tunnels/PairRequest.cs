namespace PortForward.Tunnels;

/// <summary>What a connection asks of an <see cref="ITunnelSource"/>.</summary>
/// <param name="Port">The pod's port, 1 to 65535, as it was in the first pod.</param>
/// <param name="InitialData">What the client has sent already, at most <see cref="ITunnelSource.MaxInitialData"/>; may be empty.</param>
internal readonly record struct PairRequest(int Port, ReadOnlyMemory<byte> InitialData)
{
    /// <summary>Which of the forwarder's ports it is, counted from 0: in another pod it may have another number.</summary>
    public int PortIndex { get; init; }

    /// <summary>The pods that have failed this connection already and are not to be tried again, as <see cref="RoutedPair.Pod"/> names them; null for none.</summary>
    public IReadOnlyCollection<string>? AvoidedPods { get; init; }

    /// <summary>Whether the last of them said that it does not exist any more, so that there will soon be another one.</summary>
    public bool PodIsGone { get; init; }
}
