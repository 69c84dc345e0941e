namespace PortForward.EndToEnd;

/// <summary>
/// A test on a real cluster that knows no SPDY in a WebSocket: an old one, or one whose API server and kubelet have the feature gates off. Since 1.36 there are two:
/// an API server that does not translate the tunnel itself may hand it on to a kubelet that does.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class WithoutTunnelFactAttribute : FactAttribute
{
    public WithoutTunnelFactAttribute() => Skip = new EndToEndFactAttribute().Skip ?? WhyNot();

    private const string Gates = "PortForwardWebsockets=false,ExtendWebSocketsToKubelet=false";

    /// <summary>Asks the server for the state of its feature gates; one that has none knows no tunnel.</summary>
    private static string? WhyNot()
    {
        try
        {
            string metrics = Task.Run(() => RealCluster.GetTextAsync("metrics")).GetAwaiter().GetResult();
            bool hasTunnel = metrics.Split('\n').Any(line =>
                line.StartsWith("kubernetes_feature_enabled{", StringComparison.Ordinal)
                && (line.Contains("name=\"PortForwardWebsockets\"", StringComparison.Ordinal) || line.Contains("name=\"ExtendWebSocketsToKubelet\"", StringComparison.Ordinal))
                && line.EndsWith(" 1", StringComparison.Ordinal));
            return hasTunnel ? $"The cluster's API server has the tunnel on: start it, and the kubelet, with --feature-gates={Gates}." : null;
        }
        catch (HttpRequestException e)
        {
            return $"Whether the cluster's API server has the tunnel on cannot be read from its /metrics: {e.Message.Trim()}";
        }
    }
}
