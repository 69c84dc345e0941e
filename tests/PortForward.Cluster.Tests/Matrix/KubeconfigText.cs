using System.Text;
using PortForward.Testing;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>The kubeconfigs of the matrix, as a user would write them.</summary>
internal static class KubeconfigText
{
    /// <summary>A kubeconfig of the cluster's admin.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="server">The server's address, as this way to it has it.</param>
    /// <param name="authorityPem">The authority that vouches for that address; the cluster's own unless given.</param>
    /// <param name="proxy">The proxy's address, if there is one.</param>
    /// <param name="withCertificate">Whether the user shows a client certificate, and not a token.</param>
    /// <param name="serverName">The name that the server's certificate bears, if it is not the address's.</param>
    public static string Of(
        TestCluster cluster, string server, string? authorityPem = null, string? proxy = null, bool withCertificate = false, string? serverName = null) =>
        $"""
        apiVersion: v1
        kind: Config
        current-context: test
        contexts:
        - name: test
          context:
            cluster: test
            user: admin
        clusters:
        - name: test
          cluster:
            server: {server}
            certificate-authority-data: {Base64(authorityPem ?? cluster.AuthorityPem)}
            {(proxy is null ? "" : $"proxy-url: {proxy}")}
            {(serverName is null ? "" : $"tls-server-name: {serverName}")}
        users:
        - name: admin
          user:
            {(withCertificate ? $"client-certificate-data: {Base64(cluster.Admin.CertificatePem)}" : $"token: {cluster.Admin.Token}")}
            {(withCertificate ? $"client-key-data: {Base64(cluster.Admin.KeyPem)}" : "")}

        """;

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
