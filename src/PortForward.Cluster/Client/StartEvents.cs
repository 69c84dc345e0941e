using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cluster;

/// <summary>The start waits for a pod. It is told whenever the reason changes.</summary>
/// <param name="Reason">What it waits for, and why, in one sentence.</param>
public sealed record PodAwaited(string Reason) : ForwardEvent;

/// <summary>The pod that the start has waited for is running.</summary>
/// <param name="Pod">The pod.</param>
public sealed record PodRunning(string Pod) : ForwardEvent;

/// <summary>Something about the target that its user should know.</summary>
/// <param name="Text">One sentence.</param>
public sealed record TargetNote(string Text) : ForwardEvent;

/// <summary>A transport does not work; the next one is tried.</summary>
/// <param name="Transport">Its name.</param>
/// <param name="Fault">Why it does not work.</param>
public sealed record TransportFailed(string Transport, TunnelFault Fault) : ForwardEvent;

/// <summary>All listeners that could be opened are open, and connections are served.</summary>
/// <param name="Pod">The pod that serves them.</param>
/// <param name="Namespace">The pod's namespace.</param>
/// <param name="Transport">The name of the transport.</param>
public sealed record ForwardReady(string Pod, string Namespace, string Transport) : ForwardEvent;

/// <summary>A reader of events was too slow and has missed some; those that follow it has not.</summary>
/// <param name="Count">How many.</param>
public sealed record EventsMissed(int Count) : ForwardEvent;
