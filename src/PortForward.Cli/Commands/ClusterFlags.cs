using System.CommandLine;
using PortForward.Cluster;
using PortForward.Cluster.Api;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Transport;
using PortForward.Tunnels;

namespace PortForward.Cli.Commands;

/// <summary>The flags that say which cluster, as whom and how.</summary>
internal static class ClusterFlags
{
    /// <summary>Reads the kubeconfig and prepares a connection.</summary>
    /// <exception cref="ClusterException">Flags and kubeconfig do not lead to a cluster.</exception>
    /// <exception cref="UsageException">A flag is malformed.</exception>
    public static ClusterConnection Connect(ForwardFlags flags, ParseResult parsed)
    {
        if (Value(flags.As) is not null || Value(flags.AsUid) is not null || parsed.GetValue(flags.AsGroup) is [_, ..] || parsed.GetValue(flags.AsUserExtra) is [_, ..])
        {
            throw new UsageException("acting as another user (--as) is not supported yet");
        }

        var overrides = new ClusterOverrides
        {
            Context = Value(flags.Context),
            Cluster = Value(flags.Cluster),
            User = Value(flags.User),
            Namespace = Value(flags.Namespace),
            Server = Value(flags.Server),
            TlsServerName = Value(flags.TlsServerName),
            InsecureSkipTlsVerify = parsed.GetValue(flags.InsecureSkipTlsVerify),
            CertificateAuthority = Value(flags.CertificateAuthority),
            ClientCertificate = Value(flags.ClientCertificate),
            ClientKey = Value(flags.ClientKey),
            Token = Value(flags.Token),
            Username = Value(flags.Username),
            Password = Value(flags.Password),
            RequestTimeout = ForwardOptions.ReadDuration(flags.RequestTimeout, parsed),
        };
        var kubeconfig = MergedKubeconfig.Load(Value(flags.Kubeconfig));
        return new ClusterConnection(ClusterConfiguration.Resolve(kubeconfig, overrides, TimeProvider.System));

        // An empty value is no value, as for kubectl.
        string? Value(Option<string> flag) => parsed.GetValue(flag) is { Length: > 0 } text ? text : null;
    }

    /// <summary>Tells why there is no tunnel, in the API server's words when it is the one who refused.</summary>
    public static ClusterException Describe(TunnelFault fault)
    {
        if (fault.StatusCode is { } status)
        {
            return new ClusterException(ApiStatus.Describe(status, fault.ReasonPhrase, fault.Body ?? "")) { IsVerbatim = true, StatusCode = status };
        }

        for (Exception? cause = fault.Cause; cause is not null; cause = cause.InnerException)
        {
            if (cause is ClusterException told)
            {
                return told;
            }
        }

        return new ClusterException($"error upgrading connection: {fault.Message}", fault.Cause);
    }
}
