using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Logging;
using PortForward.Cluster;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cli.Commands;

/// <summary>The flags that say which cluster, as whom and how.</summary>
internal static class ClusterFlags
{
    /// <summary>Reads the kubeconfig and prepares a client; nothing is sent yet.</summary>
    /// <param name="flags">The flags.</param>
    /// <param name="parsed">Their values.</param>
    /// <param name="arguments">What else the command line says of the way to the cluster.</param>
    /// <param name="named">The context to use in place of the flag's or the current one; null for that.</param>
    /// <param name="loggers">For diagnostics.</param>
    /// <param name="dials">How streams are treated; the usual options if null.</param>
    /// <returns>The client, and the context in use; null if there is none.</returns>
    /// <exception cref="ClusterException">Flags and kubeconfig do not lead to a cluster.</exception>
    /// <exception cref="UsageException">A flag is malformed.</exception>
    public static (ClusterClient Client, string? Context) Connect(
        ForwardFlags flags, ParseResult parsed, ForwardArguments arguments, string? named, ILoggerFactory loggers, ForwardOptions? dials = null)
    {
        var overrides = new ClusterOverrides
        {
            OwnsProcess = true,
            Context = named ?? Value(flags.Context),
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
            As = Value(flags.As),
            AsUid = Value(flags.AsUid),
            AsGroups = parsed.GetValue(flags.AsGroup) ?? [],
            AsUserExtra = [.. (parsed.GetValue(flags.AsUserExtra) ?? []).Select(ReadExtra)],
            RequestTimeout = Value(flags.RequestTimeout) is null ? null : ReadRequestTimeout(flags, parsed),
        };
        var kubeconfig = MergedKubeconfig.Load(Value(flags.Kubeconfig));
        var client = ClusterClient.Create(ClusterConfiguration.Resolve(kubeconfig, overrides, TimeProvider.System, loggers), new ClusterClientOptions
        {
            Transports = arguments.Transports,
            LivenessTimeout = arguments.LivenessTimeout,
            MaxTunnels = arguments.MaxTunnels,
            MaxWarmConnections = arguments.WarmConnections,
            Dials = dials ?? new ForwardOptions(),
            Loggers = loggers,
        });
        return (client, overrides.Context ?? kubeconfig.CurrentContext);

        // An empty value is no value, as for kubectl.
        string? Value(Option<string> flag) => parsed.GetValue(flag) is { Length: > 0 } text ? text : null;
    }

    /// <summary>Of a pair KEY=VALUE the key goes up to the first equals sign.</summary>
    private static KeyValuePair<string, string> ReadExtra(string text) => text.IndexOf('=') is > 0 and int equals
        ? KeyValuePair.Create(text[..equals], text[(equals + 1)..])
        : throw new UsageException($"invalid argument \"{text}\" for \"--as-user-extra\" flag: it looks like KEY=VALUE");

    /// <summary>Unlike kubectl's other durations this one may be a plain number of seconds.</summary>
    private static TimeSpan? ReadRequestTimeout(ForwardFlags flags, ParseResult parsed) =>
        int.TryParse(parsed.GetValue(flags.RequestTimeout), NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)
            ? ForwardArguments.Bounded(TimeSpan.FromSeconds(seconds))
            : ForwardArguments.ReadDuration(flags.RequestTimeout, parsed);
}
