using System.Text;

namespace PortForward.Cluster;

/// <summary>
/// User and password in front of a URL's host. They end at the last @ before the path, as for Go and curl: passwords contain one, and .NET's own <see cref="Uri"/>
/// ends them at the first.
/// </summary>
/// <remarks>It holds a secret, so it has no text form.</remarks>
internal sealed class UrlUser
{
    /// <summary>What may be wrong with a URL that cannot be read and has an @ in it, to follow the message about it.</summary>
    public const string EscapeHint = "; in its password write / as %2F, ? as %3F, # as %23 and % as %25";

    private UrlUser(string text)
    {
        string[] parts = text.Split(':', 2);
        Name = Unescape(parts[0]);
        Password = parts.Length > 1 ? Unescape(parts[1]) : [];
    }

    /// <summary>The user's name, as it is sent.</summary>
    public byte[] Name { get; }

    /// <summary>The password, as it is sent; empty if there is none.</summary>
    public byte[] Password { get; }

    /// <summary>Both as the value of an Authorization header.</summary>
    public string Basic => $"Basic {Convert.ToBase64String([.. Name, (byte)':', .. Password])}";

    /// <summary>Takes user and password out of a URL.</summary>
    /// <param name="url">The URL, with its scheme.</param>
    /// <param name="rest">The URL without them; it is as malformed as it was.</param>
    /// <returns>User and password; null if there are none.</returns>
    public static UrlUser? TakeOut(string url, out string rest)
    {
        rest = url;
        if (url.Split("://", 2) is not [var scheme, var behind])
        {
            return null;
        }

        string authority = behind.Split('/', '?', '#')[0];
        int at = authority.LastIndexOf('@');
        rest = $"{scheme}://{behind[(at + 1)..]}";
        return at < 0 ? null : new UrlUser(authority[..at]);
    }

    /// <summary>Bytes need not be text; a percent sign that begins no escape stands for itself.</summary>
    private static byte[] Unescape(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int length = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] == '%' && i + 2 < bytes.Length && char.IsAsciiHexDigit((char)bytes[i + 1]) && char.IsAsciiHexDigit((char)bytes[i + 2]))
            {
                bytes[length++] = Convert.FromHexString([(char)bytes[i + 1], (char)bytes[i + 2]])[0];
                i += 2;
            }
            else
            {
                bytes[length++] = bytes[i];
            }
        }

        return bytes[..length];
    }
}
