using System.Text;
using PortForward.Cluster;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Transport;
using PortForward.Fuzzing.Engine;

namespace PortForward.Fuzzing.Targets;

/// <summary>What a credential plug-in writes: a credential that can be used, or a sentence without the secrets that are in it.</summary>
internal sealed class PluginOutputTarget : FuzzTarget
{
    private const string Secret = "s3cr3t-t0ken";

    public override int Mutations => 5000;

    public override IReadOnlyList<byte[]> Dictionary { get; } = Words(
        "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{", "\"token\":\"x\"", "\"expirationTimestamp\":\"2025-01-01T00:00:00Z\"", "\"9999-12-31T23:59:59+14:00\"",
        "\"clientCertificateData\":\"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n\"", "\"clientKeyData\":\"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\\n\"",
        "-----BEGIN EC PRIVATE KEY-----", "\\n", "kind: ExecCredential\n", "status:\n  token: x\n", "}", "\\u0000", "\\u001b[2J", "\\ud800", "client.authentication.k8s.io/v1beta1");

    public override Task RunAsync(FuzzInput input)
    {
        try
        {
            ExecCredential.Status status = ExecCredential.Read(input.Text, "client.authentication.k8s.io/v1");
            if (status.Token is { } token)
            {
                _ = Credential.Bearer(token, "the plug-in");
                _ = IdToken.Expiration(token);
            }

            if (status.Certificate is { } certificate)
            {
                _ = ClientCertificate.Load(Encoding.UTF8.GetBytes(certificate), Encoding.UTF8.GetBytes(status.Key!), "the plug-in");
            }
        }
        catch (Exception e) when (e is FormatException or ClusterException)
        {
            Require.Line(e.Message);
            if (!input.IsRearranged)
            {
                Require.Hidden(Secret, e.ToString());
            }
        }

        return Task.CompletedTask;
    }
}
