using System.Diagnostics.CodeAnalysis;

namespace PortForward.Cluster;

/// <summary>Absolute URLs with a host that can be looked up.</summary>
internal static class HostUrl
{
    /// <summary>Reads a URL. <see cref="Uri"/> also takes hosts over which it throws once their name is needed.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out Uri? url)
    {
        try
        {
            return Uri.TryCreate(text, UriKind.Absolute, out url)
                && new Uri(url.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped)).IdnHost.Length > 0;
        }
        catch (UriFormatException)
        {
            url = null;
            return false;
        }
    }
}
