using System.Security.Cryptography.X509Certificates;

namespace PortForward.Cluster.Transport;

/// <summary>
/// The ways from a certificate to an anchor, by the names of issuers and subjects alone. Authorities that were renewed, or signed by several others, have several
/// certificates of one name, and .NET tries the first one that looks like it; Go tries all.
/// </summary>
internal static class TrustPaths
{
    /// <summary>As many as Go looks at; a server can send any number of certificates of one name.</summary>
    private const int MaxPaths = 100;

    /// <summary>Finds the paths, the shortest ones first.</summary>
    /// <param name="leaf">The server's certificate.</param>
    /// <param name="sent">The certificates that came with it.</param>
    /// <param name="anchors">The trusted ones.</param>
    public static IEnumerable<TrustPath> Find(X509Certificate2 leaf, X509Certificate2Collection sent, X509Certificate2Collection anchors) =>
        All(leaf, sent, anchors).Take(MaxPaths);

    private static IEnumerable<TrustPath> All(X509Certificate2 leaf, X509Certificate2Collection sent, X509Certificate2Collection anchors)
    {
        var open = new Queue<X509Certificate2[]>([[leaf]]);
        for (int looked = 0; looked < MaxPaths && open.TryDequeue(out X509Certificate2[]? path); looked++)
        {
            foreach (X509Certificate2 anchor in anchors.Where(anchor => HasIssued(anchor, path[^1])))
            {
                yield return new TrustPath(path[1..], anchor);
            }

            foreach (X509Certificate2 next in sent.Where(one => HasIssued(one, path[^1]) && !path.Contains(one)))
            {
                open.Enqueue([.. path, next]);
            }
        }
    }

    private static bool HasIssued(X509Certificate2 authority, X509Certificate2 certificate) =>
        authority.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData);
}

/// <summary>One way from a certificate to an anchor.</summary>
/// <param name="Between">The certificates between the two.</param>
/// <param name="Anchor">The anchor.</param>
internal sealed record TrustPath(X509Certificate2[] Between, X509Certificate2 Anchor);
