namespace PortForward.Tunnels;

/// <summary>A transport that has not worked.</summary>
/// <param name="Transport">Its name.</param>
/// <param name="Fault">Why not.</param>
/// <param name="Meaning">What the server's refusal says.</param>
internal readonly record struct TransportFailure(string Transport, TunnelFault Fault, RefusalMeaning Meaning);
