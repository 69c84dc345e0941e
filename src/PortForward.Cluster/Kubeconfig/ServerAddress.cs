namespace PortForward.Cluster.Kubeconfig;

/// <summary>The API server's address as it was given, and taken apart.</summary>
/// <remarks>It may hold a password: its text form is the address without it.</remarks>
internal sealed class ServerAddress
{
    private ServerAddress(string given, Uri uri, string? userInfo)
    {
        Given = given;
        Uri = uri;
        UserInfo = userInfo;
    }

    /// <summary>The address as it was given.</summary>
    public string Given { get; }

    /// <summary>The base address, ending in a slash, without user, query and fragment.</summary>
    public Uri Uri { get; }

    /// <summary>User and password, percent-encoded and with a colon between them; null if there are none.</summary>
    public string? UserInfo { get; }

    /// <summary>Whether the connection is encrypted. Only then are credentials sent, as for kubectl.</summary>
    public bool IsSecure => Uri.Scheme == Uri.UriSchemeHttps;

    /// <summary>Reads an address. Without a scheme it is http, as in client-go, whose documentation says otherwise.</summary>
    /// <exception cref="ClusterException">It is none.</exception>
    public static ServerAddress Parse(string text)
    {
        bool hasScheme = text.Contains("://", StringComparison.Ordinal);
        if (!Uri.TryCreate(hasScheme ? text : $"http://{text}", UriKind.Absolute, out Uri? uri)
            || uri.Scheme is not ("http" or "https")
            || (!hasScheme && uri.AbsolutePath != "/"))
        {
            throw new ClusterException($"the server address \"{WithoutUser(text)}\" is no http or https URL and no host:port");
        }

        string path = uri.GetComponents(UriComponents.Path, UriFormat.UriEscaped).TrimEnd('/');
        return new ServerAddress(
            text,
            new Uri($"{uri.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped)}/{(path.Length > 0 ? $"{path}/" : "")}"),
            uri.UserInfo.Length > 0 ? uri.UserInfo : null);
    }

    /// <inheritdoc/>
    public override string ToString() => Uri.ToString().TrimEnd('/');

    /// <summary>An address that is none, for the message: without what may be a password, be it that the @ after it is missing.</summary>
    private static string WithoutUser(string text)
    {
        string plain = text[(text.LastIndexOf('@') + 1)..];
        int scheme = plain.IndexOf("://", StringComparison.Ordinal);
        int colon = plain.IndexOf(':', scheme < 0 ? 0 : scheme + 3);
        return colon < 0 || plain[(colon + 1)..].Split('/', 2)[0].All(char.IsAsciiDigit) ? plain : $"{plain[..colon]}:…";
    }
}
