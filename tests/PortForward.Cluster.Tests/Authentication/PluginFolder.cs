using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Tests.Kubeconfig;

namespace PortForward.Cluster.Tests.Authentication;

/// <summary>
/// A folder with credential plug-ins that are shell scripts. They are handed to /bin/sh, since a file that was written just now cannot be run
/// as long as another test's process, started at that moment, still holds it open.
/// </summary>
internal sealed class PluginFolder : IDisposable
{
    public const string V1 = "client.authentication.k8s.io/v1";

    private const string Server = "https://c.test:6443/prefix";

    public HomeFolder Folder { get; } = new();

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <summary>Whether someone can type.</summary>
    public bool IsTerminal { get; init; }

    /// <summary>How often a script with <see cref="CountRun"/> has run.</summary>
    public int Runs => File.Exists(Folder["runs"]) ? File.ReadAllLines(Folder["runs"]).Length : 0;

    /// <summary>The shell command that counts a run.</summary>
    public string CountRun => $"echo run >> '{Folder["runs"]}'";

    /// <summary>What a plug-in answers.</summary>
    public static string Answer(string status, string apiVersion = V1) => $$"""{"kind":"ExecCredential","apiVersion":"{{apiVersion}}","status":{{status}}}""";

    /// <summary>The shell command that answers.</summary>
    public static string Print(string text) => $"cat <<'END_OF_ANSWER'\n{text}\nEND_OF_ANSWER";

    public static string PrintToken(string token) => Print(Answer($$"""{"token":"{{token}}"}"""));

    /// <summary>The status of an answer with a client certificate.</summary>
    public static string CertificateStatus(string certificate, string key, string token = "") =>
        $"{{\"token\":\"{token}\",\"clientCertificateData\":{JsonSerializer.Serialize(certificate)},\"clientKeyData\":{JsonSerializer.Serialize(key)}}}";

    /// <summary>The credentials of a user whose plug-in is a script.</summary>
    /// <param name="script">The script.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="exec">Further fields of the exec section, each with a comma before it.</param>
    /// <param name="cluster">Further fields of the cluster, each with a comma before it.</param>
    /// <param name="apiVersion">The version.</param>
    /// <param name="server">The API server's address.</param>
    public ICredentialSource Script(string script, string[]? arguments = null, string exec = ", interactiveMode: Never", string cluster = "", string apiVersion = V1, string server = Server)
    {
        string path = Folder.Write($"plugin-{Guid.NewGuid():N}.sh", $"{script}\n");
        return Resolve($"{{exec: {{apiVersion: {apiVersion}, command: /bin/sh, args: {JsonSerializer.Serialize((string[])[path, .. arguments ?? []])}{exec}}}}}", cluster, server: server);
    }

    /// <summary>The credentials of a user of a kubeconfig in the folder.</summary>
    public ICredentialSource Resolve(string user, string cluster = "", ClusterOverrides? overrides = null, string server = Server) =>
        Configuration(user, cluster, overrides, server).Access.Credentials;

    public ClusterConfiguration Configuration(string user, string cluster = "", ClusterOverrides? overrides = null, string server = Server)
    {
        string text = $"""
            current-context: m
            contexts: [{"{name: m, context: {cluster: c, user: u}}"}]
            clusters:
            - name: c
              cluster: {"{"}server: '{server}'{cluster}{"}"}
            users:
            - name: u
              user: {user}

            """;
        LocalEnvironment environment = Folder.Environment with { IsInputTerminal = () => IsTerminal };
        MergedKubeconfig kubeconfig = MergedKubeconfig.Load(Folder.Write("config", text), environment);
        return ClusterConfiguration.Resolve(kubeconfig, overrides ?? new ClusterOverrides(), Time, NullLoggerFactory.Instance, environment);
    }

    public string Read(string name) => File.ReadAllText(Folder[name]);

    public void Dispose() => Folder.Dispose();
}
