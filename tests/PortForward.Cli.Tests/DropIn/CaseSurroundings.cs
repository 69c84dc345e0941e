using System.Net;
using System.Net.Sockets;
using System.Text;
using PortForward.Testing;
using PortForward.Testing.Api;
using PortForward.Testing.Applications;

namespace PortForward.Cli.Tests.DropIn;

/// <summary>What both programs find around them in one case: a home folder which is also the current one, files in it, and environment variables.</summary>
internal sealed class CaseSurroundings
{
    private readonly List<IDisposable> _toUndo = [];
    private readonly List<string> _freePorts = [];

    public CaseSurroundings(TestCluster cluster, string folder)
    {
        Cluster = cluster;
        Folder = folder;
        Environment["HOME"] = folder;
        Environment["KUBECONFIG"] = Write("kubeconfig", Yaml());
    }

    public TestCluster Cluster { get; }

    public string Folder { get; }

    /// <summary>The variables to set; null takes one away.</summary>
    public Dictionary<string, string?> Environment { get; } = new(StringComparer.Ordinal);

    public string Server => Cluster.Server.ToString().TrimEnd('/');

    /// <summary>The cluster's authority, as a kubeconfig holds it.</summary>
    public string AuthorityData => Base64(Cluster.AuthorityPem);

    /// <summary>A cluster's entry that leads to the cluster, for <see cref="Yaml"/>.</summary>
    public string ClusterFields(string? server = null) => $"server: '{server ?? Server}', certificate-authority-data: {AuthorityData}";

    /// <summary>A client certificate's fields of a user's entry.</summary>
    public static string CertificateFields(string certificatePem, string keyPem) => $"client-certificate-data: {Base64(certificatePem)}, client-key-data: {Base64(keyPem)}";

    /// <summary>A client certificate's fields of a user's entry.</summary>
    public static string CertificateFields(TestUser user) => CertificateFields(user.CertificatePem, user.KeyPem);

    /// <summary>A kubeconfig with one entry of each kind, all named "test" and each given as the inside of a flow mapping.</summary>
    public string Yaml(string? cluster = null, string? user = null, string? context = null, string? current = "test", string name = "test") => $$"""
        apiVersion: v1
        kind: Config
        current-context: {{current ?? "''"}}
        clusters:
        - name: {{name}}
          cluster: { {{cluster ?? ClusterFields()}} }
        contexts:
        - name: {{name}}
          context: { {{context ?? $"cluster: {name}, user: {name}"}} }
        users:
        - name: {{name}}
          user: { {{user ?? $"token: {Cluster.Admin.Token}"}} }

        """;

    /// <summary>Writes a file that only its owner can read.</summary>
    /// <returns>Its path.</returns>
    public string Write(string name, string content, bool executable = false)
    {
        string path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | (executable ? UnixFileMode.UserExecute : UnixFileMode.None));
        }

        File.WriteAllText(path, content);
        return path;
    }

    /// <summary>Writes a credential plug-in that prints a credential.</summary>
    /// <param name="status">The credential's status, in JSON.</param>
    /// <param name="version">The interface's version.</param>
    public string WritePlugin(string status, string version = "v1") => Write(
        "plugin",
        $$"""
        #!/bin/sh
        cat <<'END'
        {"apiVersion": "client.authentication.k8s.io/{{version}}", "kind": "ExecCredential", "status": {{status}}}
        END

        """,
        executable: true);

    /// <summary>Has something undone after the case, such as a fault of the server.</summary>
    public void Undo(IDisposable later) => _toUndo.Add(later);

    public void UndoAll() => _toUndo.ForEach(one => one.Dispose());

    /// <summary>The case's arguments, with real values for what stands in braces.</summary>
    public string[] Expand(string arguments) => [.. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(ExpandOne)];

    /// <summary>A port that is free here, and on which the pod "solo" echoes.</summary>
    public string FreePort(int index)
    {
        while (_freePorts.Count <= index)
        {
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
            socket.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
            int port = ((IPEndPoint)socket.LocalEndPoint!).Port;
            Cluster.Pods.Find("solo")!.Serves(port, TestApplications.Echo);
            _freePorts.Add($"{port}");
        }

        return _freePorts[index];
    }

    private string ExpandOne(string argument)
    {
        if (argument == "''")
        {
            return "";
        }

        string expanded = argument
            .Replace("{folder}", Folder, StringComparison.Ordinal)
            .Replace("{server}", Server, StringComparison.Ordinal)
            .Replace("{token}", Cluster.Admin.Token, StringComparison.Ordinal)
            .Replace("{password}", Cluster.Admin.Password, StringComparison.Ordinal);
        if (expanded.Contains("{free}", StringComparison.Ordinal))
        {
            expanded = expanded.Replace("{free}", FreePort(0), StringComparison.Ordinal);
        }

        return expanded.Contains("{free2}", StringComparison.Ordinal) ? expanded.Replace("{free2}", FreePort(1), StringComparison.Ordinal) : expanded;
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
