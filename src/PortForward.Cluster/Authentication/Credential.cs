using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Authentication;

/// <summary>What proves to the API server who a request is from.</summary>
/// <param name="authorization">The value of the Authorization header, or null for none.</param>
/// <param name="certificate">The certificate of the TLS handshake, or null for none.</param>
/// <remarks>It holds secrets, so it has no text form.</remarks>
internal sealed class Credential(string? authorization, ClientCertificate? certificate)
{
    /// <summary>Nobody in particular.</summary>
    public static Credential None { get; } = new(authorization: null, certificate: null);

    public string? Authorization => authorization;

    public ClientCertificate? Certificate => certificate;

    /// <summary>What this was made from by adding a certificate; itself if nothing was added.</summary>
    public Credential Origin { get => field ?? this; private init; }

    /// <summary>The same with a certificate.</summary>
    public Credential With(ClientCertificate added) => new(authorization, added) { Origin = this };

    /// <summary>A bearer token.</summary>
    /// <param name="token">The token.</param>
    /// <param name="owner">Whose it is, for the message.</param>
    /// <exception cref="ClusterException">It cannot be sent in a header.</exception>
    public static string Bearer(string token, string owner) => HeaderText.HasControls(token)
        ? throw new ClusterException($"the token of {owner} contains a line break or another control character: remove it")
        : $"Bearer {token}";

    /// <summary>A user name and a password.</summary>
    public static string Basic(string username, string password) =>
        $"Basic {Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{username}:{password}"))}";
}
