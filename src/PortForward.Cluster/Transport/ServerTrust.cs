using System.Security.Cryptography.X509Certificates;

namespace PortForward.Cluster.Transport;

/// <summary>Decides whether the API server's certificate is to be trusted, as Go does.</summary>
/// <remarks>
/// Every certificate of the kubeconfig's pool is an anchor, self-signed or not, and it is enough that one of them verifies the chain; names are looked for in
/// the subject alternative names only; nothing is downloaded and no revocation is asked for.
/// </remarks>
internal sealed class ServerTrust
{
    /// <summary>A signature that does not match is that of another authority with the same name.</summary>
    private const X509ChainStatusFlags UnknownAuthority = Untrusted | X509ChainStatusFlags.NotSignatureValid;

    private const string SignedByUnknown = "x509: certificate signed by unknown authority";

    private const X509ChainStatusFlags Untrusted = X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain;

    private readonly X509Certificate2Collection? _anchors;
    private readonly bool _insecure;

    private ServerTrust(X509Certificate2Collection? anchors, bool insecure)
    {
        _anchors = anchors;
        _insecure = insecure;
    }

    /// <summary>Accepts anything.</summary>
    public static ServerTrust Insecure { get; } = new(anchors: null, insecure: true);

    /// <summary>Trusts what the system trusts.</summary>
    public static ServerTrust System { get; } = new(anchors: null, insecure: false);

    /// <summary>Whether the system's certificates matter.</summary>
    public bool IsSystem => _anchors is null && !_insecure;

    /// <summary>Trusts the certificates of a PEM bundle.</summary>
    /// <exception cref="ClusterException">There is none in it.</exception>
    public static ServerTrust Pool(byte[] pem, string owner)
    {
        X509Certificate2Collection anchors = PemCertificates.Read(pem);
        return anchors.Count > 0
            ? new ServerTrust(anchors, insecure: false)
            : throw new ClusterException($"the certificate authority of {owner} contains no certificate in PEM form");
    }

    /// <summary>How the TLS handshake is to build the server's chain.</summary>
    public X509ChainPolicy CreatePolicy() => PolicyFor(_anchors);

    private X509ChainPolicy PolicyFor(X509Certificate2Collection? anchors)
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.ApplicationPolicy.Add(new global::System.Security.Cryptography.Oid("1.3.6.1.5.5.7.3.1")); // serverAuth
        if (anchors is not null || _insecure)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(anchors ?? []);
        }

        return policy;
    }

    /// <summary>As the other, for a certificate that another's handshake has seen.</summary>
    /// <param name="certificate">What the server sent, null if nothing.</param>
    /// <param name="sent">The certificates that came with it.</param>
    /// <param name="name">The host name or address that it must be for.</param>
    public string? Check(X509Certificate2? certificate, X509Certificate2Collection sent, string name)
    {
        using var chain = new X509Chain { ChainPolicy = CreatePolicy() };
        chain.ChainPolicy.ExtraStore.AddRange(sent);
        if (certificate is not null && !_insecure)
        {
            chain.Build(certificate);
        }

        return Check(certificate, chain, name);
    }

    /// <summary>What is wrong with a server's certificate, in Go's words, or null.</summary>
    /// <param name="certificate">What the server sent, null if nothing.</param>
    /// <param name="chain">The chain that was built for it with <see cref="CreatePolicy"/>.</param>
    /// <param name="name">The host name or address that it must be for.</param>
    public string? Check(X509Certificate2? certificate, X509Chain? chain, string name)
    {
        if (_insecure)
        {
            return null;
        }

        if (certificate is null || chain is null)
        {
            return "the server sent no certificate";
        }

        if (!CertificateNames.Matches(certificate, name))
        {
            return CertificateNames.Mismatch(certificate, name);
        }

        string? fault = Fault(certificate, chain, _anchors);
        return fault is null || _anchors is null ? fault : FaultOfOtherPaths(certificate, chain.ChainPolicy.ExtraStore, fault);
    }

    /// <summary>What is wrong when the chain that .NET has chosen is not to be trusted: nothing if another one is.</summary>
    private string? FaultOfOtherPaths(X509Certificate2 certificate, X509Certificate2Collection sent, string fault)
    {
        foreach (TrustPath path in TrustPaths.Find(certificate, sent, _anchors!))
        {
            X509Certificate2Collection anchors = [path.Anchor];
            using var chain = new X509Chain { ChainPolicy = PolicyFor(anchors) };
            chain.ChainPolicy.ExtraStore.AddRange(path.Between);
            chain.Build(certificate);
            if (Fault(certificate, chain, anchors) is not { } other)
            {
                return null;
            }

            fault = fault == SignedByUnknown ? other : fault; // What else is wrong tells more.
        }

        return fault;
    }

    /// <summary>What is wrong with a chain, or null.</summary>
    private static string? Fault(X509Certificate2 certificate, X509Chain chain, X509Certificate2Collection? anchors)
    {
        X509ChainStatusFlags status = Relevant(chain, anchors);
        return status switch
        {
            X509ChainStatusFlags.NoError => null,
            _ when status.HasFlag(X509ChainStatusFlags.NotTimeValid) => $"x509: certificate has expired or is not yet valid: it is valid from {certificate.NotBefore:u} to {certificate.NotAfter:u}",
            _ when (status & UnknownAuthority) != X509ChainStatusFlags.NoError => SignedByUnknown,
            _ => $"x509: {status}",
        };
    }

    /// <summary>
    /// What is wrong with the chain up to its first anchor. Go takes an intermediate or the leaf itself as an anchor; here such a chain
    /// goes on to a root, or lacks one, and both are nobody's business.
    /// </summary>
    private static X509ChainStatusFlags Relevant(X509Chain chain, X509Certificate2Collection? anchors)
    {
        X509ChainStatusFlags[] each =
        [
            .. chain.ChainElements.Select(element => element.ChainElementStatus.Aggregate(X509ChainStatusFlags.NoError, (flags, one) => flags | one.Status)),
        ];
        int anchor = anchors is null
            ? -1
            : chain.ChainElements.ToList().FindIndex(element => anchors.Any(one => one.RawDataMemory.Span.SequenceEqual(element.Certificate.RawDataMemory.Span)));
        return anchor < 0
            ? chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (flags, one) => flags | one.Status)
            : each.Take(anchor + 1).Aggregate(X509ChainStatusFlags.NoError, (flags, one) => flags | one) & ~Untrusted;
    }
}
