namespace PortForward.Cluster.Kubeconfig;

/// <summary>The API server's address as it was given, and its parts.</summary>
/// <remarks>It may hold a password: its text form is the address without it.</remarks>
internal sealed class ServerAddress
{
    private ServerAddress(string given, Uri uri, UrlUser? user)
    {
        Given = given;
        Uri = uri;
        User = user;
    }

    /// <summary>The address as it was given.</summary>
    public string Given { get; }

    /// <summary>The base address, ending in a slash, without user, query and fragment.</summary>
    public Uri Uri { get; }

    /// <summary>User and password in it; null if there are none.</summary>
    public UrlUser? User { get; }

    /// <summary>Whether the connection is encrypted. Only then are credentials sent, as for kubectl.</summary>
    public bool IsSecure => Uri.Scheme == Uri.UriSchemeHttps;

    /// <summary>Reads an address. Without a scheme it is http, as in client-go, whose documentation says otherwise.</summary>
    /// <exception cref="ClusterException">It is none.</exception>
    public static ServerAddress Parse(string text)
    {
        bool hasScheme = text.Contains("://", StringComparison.Ordinal);
        UrlUser? user = UrlUser.TakeOut(hasScheme ? text : $"http://{text}", out string plain);
        if (!HostUrl.TryParse(plain, out Uri? uri)
            || uri.Scheme is not ("http" or "https")
            || (!hasScheme && uri.AbsolutePath != "/"))
        {
            throw new ClusterException($"the server address \"{WithoutUser(text)}\" is no http or https URL and no host:port{(text.Contains('@') ? UrlUser.EscapeHint : "")}");
        }

        string path = uri.GetComponents(UriComponents.Path, UriFormat.UriEscaped).TrimEnd('/');
        return new ServerAddress(
            text,
            new Uri($"{uri.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped)}/{(path.Length > 0 ? $"{path}/" : "")}"),
            user);
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
