using PortForward.Cluster;

namespace PortForward.Cli.Commands;

/// <summary>The value of <c>--transport</c>.</summary>
internal static class TransportFlag
{
    /// <summary>The transports that a value means, in their order; without one kubectl's switch counts, <c>KUBECTL_PORT_FORWARD_WEBSOCKETS</c>.</summary>
    /// <exception cref="UsageException">There is no such transport.</exception>
    public static IReadOnlyList<string> Parse(string? value) => value switch
    {
        null when WebSocketsAreOff() => [TunnelDialers.Spdy],
        null or "auto" => TunnelDialers.AllTransports,
        TunnelDialers.WebSocket or TunnelDialers.Spdy or TunnelDialers.Channel => [value],
        _ => throw new UsageException($"invalid argument \"{value}\" for \"--transport\" flag: auto, websocket, spdy or channel"),
    };

    /// <summary>The values are those that Go takes for false.</summary>
    private static bool WebSocketsAreOff() =>
        Environment.GetEnvironmentVariable("KUBECTL_PORT_FORWARD_WEBSOCKETS") is "0" or "f" or "F" or "false" or "FALSE" or "False";
}
