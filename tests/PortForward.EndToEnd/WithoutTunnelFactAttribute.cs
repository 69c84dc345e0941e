namespace PortForward.EndToEnd;

/// <summary>A test on a real cluster whose API server knows no SPDY in a WebSocket: an old one, or one with <c>--feature-gates=PortForwardWebsockets=false</c>.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class WithoutTunnelFactAttribute : FactAttribute
{
    public WithoutTunnelFactAttribute() => Skip = new EndToEndFactAttribute().Skip ?? WhyNot();

    /// <summary>Asks the server for the state of its feature gate; one that has none knows no tunnel.</summary>
    private static string? WhyNot()
    {
        try
        {
            string metrics = Task.Run(() => Kubectl.RunAsync("get", "--raw", "/metrics")).GetAwaiter().GetResult();
            bool hasTunnel = metrics.Split('\n').Any(line =>
                line.StartsWith("kubernetes_feature_enabled{", StringComparison.Ordinal)
                && line.Contains("name=\"PortForwardWebsockets\"", StringComparison.Ordinal)
                && line.EndsWith(" 1", StringComparison.Ordinal));
            return hasTunnel ? "The cluster's API server has the tunnel on: start it with --feature-gates=PortForwardWebsockets=false." : null;
        }
        catch (InvalidOperationException e)
        {
            return $"Whether the cluster's API server has the tunnel on cannot be read from its /metrics: {e.Message.Trim()}";
        }
    }
}
