namespace PortForward.Forwarding;

/// <summary>The connections of a forwarder in numbers, at one moment.</summary>
/// <param name="Accepted">How many there have been.</param>
/// <param name="Open">How many there are.</param>
/// <param name="BytesSent">From clients towards the pod, the open connections included.</param>
/// <param name="BytesReceived">From the pod to clients, the open connections included.</param>
internal readonly record struct ConnectionCounters(long Accepted, int Open, long BytesSent, long BytesReceived);
