namespace PortForward.Cluster;

/// <summary>A service by the name that programs in the cluster have for it.</summary>
/// <param name="Service">The service's name.</param>
/// <param name="Namespace">The service's namespace; null for the client's.</param>
internal readonly record struct ServiceHost(string Service, string? Namespace)
{
    /// <summary>The longest label of a name in DNS.</summary>
    private const int LongestLabel = 63;

    /// <summary>Reads <c>web</c>, <c>web.shop</c>, <c>web.shop.svc</c> and <c>web.shop.svc.cluster.local</c>.</summary>
    /// <exception cref="ClusterException">It is something else.</exception>
    public static ServiceHost Parse(string host)
    {
        string[] labels = host.Split('.');
        bool hasForm = labels.Length <= 2 || labels[2..] is ["svc"] or ["svc", "cluster", "local"];
        return hasForm && IsServiceName(labels[0]) && labels.Skip(1).All(IsLabel)
            ? new ServiceHost(labels[0], labels.Length > 1 ? labels[1] : null)
            : throw new ClusterException(
                $"\"{UntrustedText.OneLine(host)}\" is no name of a service: write it as web, web.shop, web.shop.svc or web.shop.svc.cluster.local, for the service web in the namespace shop");
    }

    /// <summary>Unlike other names that of a service begins with a letter, so that no part of an IP address is one.</summary>
    private static bool IsServiceName(string text) => IsLabel(text) && char.IsAsciiLetterLower(text[0]);

    private static bool IsLabel(string text) => text.Length is > 0 and <= LongestLabel && text[0] != '-' && text[^1] != '-' && text.All(IsInLabel);

    private static bool IsInLabel(char letter) => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '-';
}
