using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using PortForward.Testing.Certificates;

namespace PortForward.Testing.Api;

/// <summary>A user whom the cluster knows, with credentials of each kind.</summary>
public sealed class TestUser
{
    private readonly TestUsers _users;

    internal TestUser(TestUsers users, string name, IReadOnlyList<string> groups, string certificatePem, string keyPem)
    {
        _users = users;
        Name = name;
        Groups = groups;
        CertificatePem = certificatePem;
        KeyPem = keyPem;
        Token = users.IssueToken(this);
    }

    /// <summary>The user's name.</summary>
    public string Name { get; }

    /// <summary>The user's groups.</summary>
    public IReadOnlyList<string> Groups { get; }

    /// <summary>A valid bearer token, until it is revoked.</summary>
    public string Token { get; private set; }

    /// <summary>The password for basic authentication.</summary>
    public string Password { get; } = RandomNumberGenerator.GetHexString(24, lowercase: true);

    /// <summary>A client certificate signed by the cluster.</summary>
    public string CertificatePem { get; }

    /// <summary>The certificate's private key (PKCS#8).</summary>
    public string KeyPem { get; }

    /// <summary>Makes the present token worthless and issues another.</summary>
    public string RenewToken()
    {
        _users.Revoke(Token);
        return Token = _users.IssueToken(this);
    }

    /// <summary>Issues one more token; those issued before stay valid.</summary>
    public string IssueToken() => _users.IssueToken(this);
}

/// <summary>The users of a cluster. Whoever is not one of them gets 401.</summary>
public sealed class TestUsers
{
    private readonly ConcurrentDictionary<string, TestUser> _byToken = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, TestUser> _byName = new(StringComparer.Ordinal);
    private readonly ClusterCertificates _certificates;

    internal TestUsers(ClusterCertificates certificates) => _certificates = certificates;

    /// <summary>Adds a user.</summary>
    /// <exception cref="ArgumentException">There is one of this name already.</exception>
    public TestUser Add(string name, params string[] groups)
    {
        var (certificate, key) = _certificates.IssueClient(name, groups);
        var user = new TestUser(this, name, groups, certificate, key);
        return _byName.TryAdd(name, user) ? user : throw new ArgumentException($"There is a user {name} already.", nameof(name));
    }

    /// <summary>Makes a token worthless.</summary>
    public void Revoke(string token) => _byToken.TryRemove(token, out _);

    internal string IssueToken(TestUser user)
    {
        var token = RandomNumberGenerator.GetHexString(40, lowercase: true);
        _byToken[token] = user;
        return token;
    }

    internal TestUser? ByToken(string token) => _byToken.GetValueOrDefault(token);

    internal TestUser? ByPassword(string name, string password) => _byName.GetValueOrDefault(name) is { } user && user.Password == password ? user : null;

    internal TestUser? ByCertificate(X509Certificate2 certificate) =>
        _certificates.IsIssuedHere(certificate)
            ? _byName.GetValueOrDefault(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false))
            : null;
}
