namespace PortForward.Cluster;

/// <summary>What a forward has done so far, in numbers.</summary>
/// <param name="ConnectionsAccepted">How many clients have connected.</param>
/// <param name="ConnectionsOpen">How many of them are connected now.</param>
/// <param name="BytesSent">From clients to pods, on all connections.</param>
/// <param name="BytesReceived">From pods to clients, on all connections.</param>
/// <param name="Reconnects">How often the target was lost and came back.</param>
public readonly record struct ForwardCounters(long ConnectionsAccepted, int ConnectionsOpen, long BytesSent, long BytesReceived, int Reconnects);
