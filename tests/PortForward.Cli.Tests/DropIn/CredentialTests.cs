using PortForward.Testing.Api;
using static PortForward.Cli.Tests.DropIn.DropInCase;

namespace PortForward.Cli.Tests.DropIn;

/// <summary>Who asks: every kind of credential, whom they act as, and what the server refuses them.</summary>
public sealed class CredentialTests(DropInCluster cluster) : IClassFixture<DropInCluster>
{
    private const string Command = "solo :7000";

    public static TheoryData<string> Names => NamesOf(Cases);

    internal static IReadOnlyList<DropInCase> Cases { get; } =
    [
        Serves(Command, "a token file").WithUser(around => $"tokenFile: {around.Write("token", $"{around.Cluster.Admin.Token}\n")}"),
        Serves(Command, "a token file goes before a token").WithUser(around => $"token: wrong, tokenFile: {around.Write("token", around.Cluster.Admin.Token)}"),
        Serves("--token {token} solo :7000", "the flag goes before a token file").WithUser(_ => "tokenFile: nope"),
        Serves(Command, "a client certificate").WithUser(around => CaseSurroundings.CertificateFields(around.Cluster.Admin)),
        Serves(Command, "a client certificate in files").WithUser(WriteCertificate),
        Serves("--client-certificate {folder}/admin.crt --client-key {folder}/admin.key solo :7000").WithUser(around =>
        {
            WriteCertificate(around);
            return "";
        }),
        Serves("--token {token} solo :7000", "beside a client certificate").WithUser(around => CaseSurroundings.CertificateFields(around.Cluster.Users.Add("beside"))),
        Serves(Command, "a password").WithUser(around => $"username: admin, password: {around.Cluster.Admin.Password}"),
        Serves("--username admin --password {password} solo :7000").WithUser(_ => ""),
        Serves(Command, "a password in the server's address").WithKubeconfig(around => around.Yaml(
            cluster: around.ClusterFields(around.Server.Replace("https://", $"https://admin:{around.Cluster.Admin.Password}@", StringComparison.Ordinal)), user: "")),
        Serves(Command, "plug-in, v1").WithUser(around => Plugin(around, $$"""{"token": "{{around.Cluster.Admin.Token}}"}""")),
        Serves(Command, "plug-in, v1beta1").WithUser(around => Plugin(around, $$"""{"token": "{{around.Cluster.Admin.Token}}"}""", "v1beta1")),
        Serves(Command, "plug-in with arguments and variables").WithUser(around =>
        {
            around.Write("plugin", """
                #!/bin/sh
                echo "{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"$1$SECOND_HALF\"}}"
                """, executable: true);
            string token = around.Cluster.Admin.Token;
            return PluginFields(around, $"args: [{token[..20]}], env: [{{name: SECOND_HALF, value: '{token[20..]}'}}]");
        }),
        Serves(Command, "plug-in in the kubeconfig's folder").WithUser(around =>
        {
            around.WritePlugin($$"""{"token": "{{around.Cluster.Admin.Token}}"}""");
            return "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, interactiveMode: Never}";
        }),
        Serves(Command, "plug-in on PATH").WithUser(around =>
        {
            around.WritePlugin($$"""{"token": "{{around.Cluster.Admin.Token}}"}""");
            around.Environment["PATH"] = $"{around.Folder}:/usr/bin:/bin";
            return "exec: {apiVersion: client.authentication.k8s.io/v1, command: plugin, interactiveMode: IfAvailable}";
        }),
        Serves(Command, "plug-in that gives a certificate").WithUser(around => Plugin(around,
            $$"""{"clientCertificateData": "{{Escaped(around.Cluster.Admin.CertificatePem)}}", "clientKeyData": "{{Escaped(around.Cluster.Admin.KeyPem)}}"}""")),
        Serves(Command, "plug-in that is told of the cluster").WithUser(around =>
        {
            around.Write("plugin", $$"""
                #!/bin/sh
                case "$KUBERNETES_EXEC_INFO" in *'"server":"{{around.Server}}"'*) ;; *) exit 7 ;; esac
                echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "{{around.Cluster.Admin.Token}}"} }'
                """, executable: true);
            return PluginFields(around, "provideClusterInfo: true");
        }),
        Serves("--token {token} solo :7000", "the flag goes before a plug-in").WithUser(around =>
        {
            around.Write("plugin", "#!/bin/sh\nexit 1\n", executable: true);
            return PluginFields(around);
        }),
        Serves("--as jane solo :7000"),
        Serves("--as jane --as-group devs --as-group ops --as-uid 1000 --as-user-extra reason=test --as-user-extra reason=more --as-user-extra a/b=c=d solo :7000"),
        Serves("--as jane --as-group a,b solo :7000"),
        Serves("--as= solo :7000"),
        Serves(Command, "acting as another").WithUser(around => $"token: {around.Cluster.Admin.Token}, as: jane, as-uid: '7', as-groups: [devs, ops], as-user-extra: {{reason: [one, two], scope: [all]}}"),
        Serves("--as joe --as-group flag solo :7000", "acting as another").WithUser(around => $"token: {around.Cluster.Admin.Token}, as: jane, as-groups: [devs], as-user-extra: {{reason: [one]}}"),
        Serves("--as-user-extra reason=flag solo :7000", "acting as another").WithUser(around => $"token: {around.Cluster.Admin.Token}, as: jane, as-user-extra: {{reason: [one], scope: [all]}}"),

        Fails("--token wrong solo :7000"),
        Fails("--token wrong svc/web :80"),
        Fails("--username admin --password wrong solo :7000").WithUser(_ => ""),
        Fails(Command, "no credentials").WithUser(_ => ""),
        Fails(Command, "an empty token file").WithUser(around => $"tokenFile: {around.Write("token", "")}"),
        Fails(Command, "a missing token file").WithUser(_ => "tokenFile: nope"),
        Fails(Command, "a token and a password").WithUser(_ => "token: a, username: b, password: c"),
        Fails("--username admin --password x solo :7000", "beside a token"),
        Fails(Command, "a certificate without its key").WithUser(around => CaseSurroundings.CertificateFields(around.Cluster.Admin).Split(", ")[0]),
        Fails(Command, "a key without its certificate").WithUser(around => CaseSurroundings.CertificateFields(around.Cluster.Admin).Split(", ")[1]),
        Fails(Command, "a certificate's missing file").WithUser(_ => "client-certificate: nope.crt, client-key: nope.key"),
        Fails(Command, "a certificate and the key of another").WithUser(around =>
            $"{CaseSurroundings.CertificateFields(around.Cluster.Users.Add("one")).Split(", ")[0]}, {CaseSurroundings.CertificateFields(around.Cluster.Users.Add("two")).Split(", ")[1]}"),
        Fails(Command, "a certificate that is none").WithUser(_ => "client-certificate-data: bm9uZQ==, client-key-data: bm9uZQ=="),
        Fails(Command, "auth-provider gcp").WithUser(_ => "auth-provider: {name: gcp}"),
        Fails(Command, "auth-provider azure").WithUser(_ => "auth-provider: {name: azure}"),
        Fails(Command, "auth-provider unknown").WithUser(_ => "auth-provider: {name: mine}"),
        Fails(Command, "auth-provider and plug-in").WithUser(around => $"auth-provider: {{name: gcp}}, {PluginFields(around)}"),
        Fails(Command, "plug-in fails").WithUser(around =>
        {
            around.Write("plugin", "#!/bin/sh\nexit 3\n", executable: true);
            return PluginFields(around);
        }),
        Fails(Command, "plug-in does not exist").WithUser(_ => "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never}"),
        Fails(Command, "plug-in does not exist, with a hint").WithUser(_ => "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never, installHint: get it from the shelf}"),
        Fails(Command, "plug-in of no version").WithUser(_ => "exec: {command: no-such-plugin, interactiveMode: Never}"),
        Fails(Command, "plug-in of an unknown version").WithUser(_ => "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: no-such-plugin, interactiveMode: Never}"),
        Fails(Command, "plug-in without interactiveMode").WithUser(_ => "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin}"),
        Fails(Command, "plug-in with a wrong interactiveMode").WithUser(_ => "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Sometimes}"),
        Fails(Command, "plug-in that must be interactive").WithUser(around => Plugin(around, $$"""{"token": "x"}""").Replace("Never", "Always", StringComparison.Ordinal)),
        Fails(Command, "plug-in without a command").WithUser(_ => "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}"),
        Fails(Command, "plug-in prints nonsense").WithUser(around =>
        {
            around.Write("plugin", "#!/bin/sh\necho nonsense\n", executable: true);
            return PluginFields(around);
        }),
        Fails(Command, "plug-in answers in another version").WithUser(around =>
        {
            around.WritePlugin("""{"token": "x"}""", "v1beta1");
            return PluginFields(around);
        }),
        Fails(Command, "plug-in gives nothing").WithUser(around => Plugin(around, "{}")),
        Fails(Command, "plug-in gives no status").WithUser(around => Plugin(around, "null")),
        Fails(Command, "plug-in gives half a certificate").WithUser(around => Plugin(around, """{"clientCertificateData": "x"}""")),
        Fails(Command, "plug-in gives a wrong token").WithUser(around => Plugin(around, """{"token": "wrong"}""")),

        Fails(Command, "may not get pods").With(around => Restricted(around, "blind", ("*", "pods"))),
        Fails(Command, "may not forward").With(around => Restricted(around, "idle", ("get", "pods/portforward"), ("create", "pods/portforward"))),
        Fails(Command, "may only get where create is needed").With(around => Restricted(around, "half", ("create", "pods/portforward"))),
        Serves(Command, "may neither list nor watch").With(around => Restricted(around, "narrow", ("list", "pods"), ("watch", "pods"))),
        Serves("deploy/web :7000", "may not watch").With(around => Restricted(around, "still", ("watch", "pods"))),
        Fails("deploy/web :7000", "may not get deployments").With(around => Restricted(around, "no-deploy", ("get", "deployments"))),
        Fails("deploy/web :7000", "may not list pods").With(around => Restricted(around, "no-list", ("list", "pods"))),
        Fails("svc/web :80", "may not get services").With(around => Restricted(around, "no-service", ("get", "services"))),
        Fails("--as jane solo :7000", "may not act as another").With(around => Restricted(around, "honest", ("impersonate", "users"))),
        Fails("-n kube-system elsewhere :7000", "may not get pods").With(around => Restricted(around, "stranger", ("get", "pods"))),
    ];

    [DropInTheory]
    [MemberData(nameof(Names))]
    public Task Pf_proves_who_asks_as_kubectl_does(string name) => cluster.CompareAsync(Cases.Single(one => one.Name == name));

    private static string WriteCertificate(CaseSurroundings around)
    {
        around.Write("admin.crt", around.Cluster.Admin.CertificatePem);
        around.Write("admin.key", around.Cluster.Admin.KeyPem);
        return "client-certificate: admin.crt, client-key: admin.key";
    }

    private static string Plugin(CaseSurroundings around, string status, string version = "v1")
    {
        around.WritePlugin(status, version);
        return PluginFields(around, version: version);
    }

    private static string PluginFields(CaseSurroundings around, string? more = null, string version = "v1") =>
        $"exec: {{apiVersion: client.authentication.k8s.io/{version}, command: {around.Folder}/plugin, interactiveMode: Never{(more is null ? "" : $", {more}")}}}";

    /// <summary>A user who may do everything but this.</summary>
    private static void Restricted(CaseSurroundings around, string name, params (string Verb, string Resource)[] denied)
    {
        TestUser user = around.Cluster.Users.Add(name);
        foreach ((string verb, string resource) in denied)
        {
            around.Cluster.Access.Deny(name, verb, resource);
        }

        around.Write("kubeconfig", around.Yaml(user: $"token: {user.Token}"));
    }

    private static string Escaped(string text) => text.Replace("\n", "\\n", StringComparison.Ordinal);
}
