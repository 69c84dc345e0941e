using System.Text;
using Microsoft.AspNetCore.Http;

namespace PortForward.Testing.Api;

/// <summary>Finds out whose request it is: bearer token, password, then client certificate.</summary>
internal sealed class Authenticator(TestUsers users)
{
    private const string Bearer = "Bearer ";
    private const string Basic = "Basic ";

    /// <summary>Looks at the request's credentials.</summary>
    /// <returns>The user's name, or null for nobody known.</returns>
    public async Task<string?> AuthenticateAsync(HttpContext context)
    {
        var authorization = context.Request.Headers.Authorization.ToString();
        if (authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
            return users.ByToken(authorization[Bearer.Length..].Trim())?.Name;
        if (authorization.StartsWith(Basic, StringComparison.OrdinalIgnoreCase))
            return ByPassword(authorization[Basic.Length..].Trim())?.Name;
        if (context.Request.IsHttps && await context.Connection.GetClientCertificateAsync() is { } certificate)
            return users.ByCertificate(certificate)?.Name;
        return null;
    }

    private TestUser? ByPassword(string encoded)
    {
        var bytes = new byte[encoded.Length];
        return Convert.TryFromBase64String(encoded, bytes, out var length) && Encoding.UTF8.GetString(bytes, 0, length).Split(':', 2) is [var name, var password]
            ? users.ByPassword(name, password)
            : null;
    }
}
