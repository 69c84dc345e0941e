using System.Text;

namespace PortForward.Cluster.Transport;

/// <summary>What a header's name and value may contain.</summary>
internal static class HeaderText
{
    private const string TokenCharacters = "!#$&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// <summary>Whether a value has a character that would end or garble its line (RFC 9110, section 5.5: only the tab is allowed).</summary>
    public static bool HasControls(string value) => value.Any(c => c is (< ' ' and not '\t') or '\u007f');

    /// <summary>A key made fit for a header's name as client-go does: what is no token character, and the percent sign, percent-encoded.</summary>
    public static string EscapeName(string key)
    {
        var name = new StringBuilder(key.Length);
        foreach (byte b in Encoding.UTF8.GetBytes(key))
        {
            _ = TokenCharacters.Contains((char)b) ? name.Append((char)b) : name.Append($"%{b:X2}");
        }

        return name.ToString();
    }
}
