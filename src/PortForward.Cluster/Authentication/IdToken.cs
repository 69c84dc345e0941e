using System.Buffers.Text;
using System.Text.Json;

namespace PortForward.Cluster.Authentication;

/// <summary>What can be told from a token of an identity provider without checking it; checking is the API server's business.</summary>
internal static class IdToken
{
    /// <summary>When a token expires (RFC 7519, section 4.1.4).</summary>
    /// <returns>The time; the beginning of time if it does not say, as for client-go; null if it is no token.</returns>
    public static DateTimeOffset? Expiration(string token)
    {
        if (token.Split('.') is not [_, var payload, _])
        {
            return null;
        }

        try
        {
            using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(payload));
            return claims.RootElement.ValueKind != JsonValueKind.Object ? null
                : !claims.RootElement.TryGetProperty("exp", out JsonElement exp) ? DateTimeOffset.MinValue
                : exp.ValueKind == JsonValueKind.Number && exp.TryGetDouble(out double seconds) ? FromUnix(seconds)
                : null;
        }
        catch (Exception e) when (e is FormatException or JsonException or InvalidOperationException) // The last one: a name of a claim is no text.
        {
            return null;
        }
    }

    private static DateTimeOffset FromUnix(double seconds) =>
        DateTimeOffset.FromUnixTimeSeconds((long)Math.Clamp(seconds, DateTimeOffset.MinValue.ToUnixTimeSeconds(), DateTimeOffset.MaxValue.ToUnixTimeSeconds()));
}
