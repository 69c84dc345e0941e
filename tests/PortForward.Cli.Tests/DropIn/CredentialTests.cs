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
        Serves(Command, "a token file goes before a token").WithUser(around => $"token: wrong, tokenFile: {around.Write("token", around.Cluster.Admin.Token)}").Thorough(),
        Serves("--token {token} solo :7000", "the flag goes before a token file").WithUser(_ => "tokenFile: nope").Thorough(),
        Serves(Command, "a client certificate").WithUser(around => CaseSurroundings.CertificateFields(around.Cluster.Admin)),
        Serves(Command, "a client certificate in files").WithUser(WriteCertificate).Thorough(),
        Serves("--client-certificate {folder}/admin.crt --client-key {folder}/admin.key solo :7000").WithUser(around =>
        {
            WriteCertificate(around);
            return "";
        }).Thorough(),
        Serves("--token {token} solo :7000", "beside a client certificate").WithUser(around => CaseSurroundings.CertificateFields(around.Cluster.Users.Add("beside"))),
        Serves(Command, "a password").WithUser(around => $"username: admin, password: {around.Cluster.Admin.Password}").Thorough(),
        Serves("--username admin --password {password} solo :7000").WithUser(_ => ""),
        Serves(Command, "a password in the server's address").WithKubeconfig(around => around.Yaml(
            cluster: around.ClusterFields(around.Server.Replace("https://", $"https://admin:{around.Cluster.Admin.Password}@", StringComparison.Ordinal)), user: ""))
            .ButKubectl(Ending.Fails, "no-prompt", "error: EOF"),
        Serves(Command, "plug-in, v1").WithUser(around => Plugin(around, $$"""{"token": "{{around.Cluster.Admin.Token}}"}""")),
        Serves(Command, "plug-in, v1beta1").WithUser(around => Plugin(around, $$"""{"token": "{{around.Cluster.Admin.Token}}"}""", "v1beta1")).Thorough(),
        Serves(Command, "plug-in with arguments and variables").WithUser(around =>
        {
            around.Write("plugin", """
                #!/bin/sh
                echo "{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"$1$SECOND_HALF\"}}"
                """, executable: true);
            string token = around.Cluster.Admin.Token;
            return PluginFields(around, $"args: [{token[..20]}], env: [{{name: SECOND_HALF, value: '{token[20..]}'}}]");
        }).Thorough(),
        Serves(Command, "plug-in in the kubeconfig's folder").WithUser(around =>
        {
            around.WritePlugin($$"""{"token": "{{around.Cluster.Admin.Token}}"}""");
            return "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, interactiveMode: Never}";
        }).Thorough(),
        Serves(Command, "plug-in on PATH").WithUser(around =>
        {
            around.WritePlugin($$"""{"token": "{{around.Cluster.Admin.Token}}"}""");
            around.Environment["PATH"] = $"{around.Folder}:/usr/bin:/bin";
            return "exec: {apiVersion: client.authentication.k8s.io/v1, command: plugin, interactiveMode: IfAvailable}";
        }).Thorough(),
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
        }).Thorough(),
        Serves("--as jane solo :7000").Thorough(),
        Serves("--as jane --as-group devs --as-group ops --as-uid 1000 --as-user-extra reason=test --as-user-extra reason=more --as-user-extra a/b=c=d solo :7000"),
        Serves("--as jane --as-group a,b solo :7000").Thorough(),
        Serves("--as= solo :7000").Thorough(),
        Serves(Command, "acting as another").WithUser(around => $"token: {around.Cluster.Admin.Token}, as: jane, as-uid: '7', as-groups: [devs, ops], as-user-extra: {{reason: [one, two], scope: [all]}}"),
        Serves("--as joe --as-group flag solo :7000", "acting as another").WithUser(around => $"token: {around.Cluster.Admin.Token}, as: jane, as-groups: [devs], as-user-extra: {{reason: [one]}}"),
        Serves("--as-user-extra reason=flag solo :7000", "acting as another").WithUser(around => $"token: {around.Cluster.Admin.Token}, as: jane, as-user-extra: {{reason: [one], scope: [all]}}").Thorough(),

        Fails("--token wrong solo :7000"),
        Fails("--token wrong svc/web :80").Thorough(),
        Fails("--username admin --password wrong solo :7000").WithUser(_ => ""),
        Fails(Command, "no credentials").WithUser(_ => "")
            .InOtherWords("no-prompt", "error: EOF", "error: You must be logged in to the server (Unauthorized)"),
        Fails(Command, "an empty token file").WithUser(around => $"tokenFile: {around.Write("token", "")}")
            .InOtherWords("no-prompt", "error: EOF", "error: the token file */token of user \"test\" is empty"),
        Fails(Command, "a missing token file").WithUser(_ => "tokenFile: nope")
            .InOtherWords("clearer-words", "error: open */nope: no such file or directory", "error: unable to read the token file of user \"test\": */nope does not exist"),
        Fails(Command, "a token and a password").WithUser(_ => "token: a, username: b, password: c"),
        Fails("--username admin --password x solo :7000", "beside a token"),
        Fails(Command, "a certificate without its key").WithUser(around => CaseSurroundings.CertificateFields(around.Cluster.Admin).Split(", ")[0]),
        Fails(Command, "a key without its certificate").WithUser(around => CaseSurroundings.CertificateFields(around.Cluster.Admin).Split(", ")[1])
            .InOtherWords("no-prompt", "error: EOF", "error: You must be logged in to the server (Unauthorized)"),
        Fails(Command, "a certificate's missing file").WithUser(_ => "client-certificate: nope.crt, client-key: nope.key")
            .InOtherWords("clearer-words", "Error in configuration: ", "error: unable to read client-certificate of user \"test\": */nope.crt does not exist"),
        Fails(Command, "a certificate and the key of another").WithUser(around =>
            $"{CaseSurroundings.CertificateFields(around.Cluster.Users.Add("one")).Split(", ")[0]}, {CaseSurroundings.CertificateFields(around.Cluster.Users.Add("two")).Split(", ")[1]}")
            .InOtherWords("clearer-words", "error: tls: private key does not match public key", "error: the client certificate and key of user \"test\" cannot be used: *"),
        Fails(Command, "a certificate that is none").WithUser(_ => "client-certificate-data: bm9uZQ==, client-key-data: bm9uZQ==")
            .InOtherWords("clearer-words", "error: tls: failed to find any PEM data in certificate input", "error: the client certificate and key of user \"test\" cannot be used: *"),
        Fails(Command, "auth-provider gcp").WithUser(_ => "auth-provider: {name: gcp}")
            .InOtherWords("clearer-words", "error: The gcp auth plugin has been removed.", "error: The gcp auth plugin, which user \"test\" in the kubeconfig uses, has been removed: install gke-gcloud-auth-plugin and run gcloud container clusters get-credentials again"),
        Fails(Command, "auth-provider azure").WithUser(_ => "auth-provider: {name: azure}")
            .InOtherWords("clearer-words", "error: The azure auth plugin has been removed.", "error: The azure auth plugin, which user \"test\" in the kubeconfig uses, has been removed: install https://github.com/Azure/kubelogin and run kubelogin convert-kubeconfig"),
        Fails(Command, "auth-provider unknown").WithUser(_ => "auth-provider: {name: mine}")
            .InOtherWords("clearer-words", "error: no Auth Provider found for name \"mine\"", "error: no Auth Provider found for name \"mine\", which user \"test\" in the kubeconfig uses: pass a --token, or use a credential plug-in (exec)").Thorough(),
        Fails(Command, "auth-provider and plug-in").WithUser(around => $"auth-provider: {{name: gcp}}, {PluginFields(around)}"),
        Fails(Command, "plug-in fails").WithUser(around =>
        {
            around.Write("plugin", "#!/bin/sh\nexit 3\n", executable: true);
            return PluginFields(around);
        }),
        Fails(Command, "plug-in does not exist").WithUser(_ => "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never}")
            .InOtherWords("clearer-words", "Unable to connect to the server: getting credentials: exec: executable no-such-plugin not found", "Unable to connect to the server: getting credentials: exec: executable no-such-plugin not found: install this credential plug-in, which user \"test\" in the kubeconfig uses"),
        Fails(Command, "plug-in does not exist, with a hint").WithUser(_ => "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never, installHint: get it from the shelf}")
            .InOtherWords("clearer-words", "Unable to connect to the server: getting credentials: exec: executable no-such-plugin not found", "Unable to connect to the server: getting credentials: exec: executable no-such-plugin not found: install this credential plug-in, which user \"test\" in the kubeconfig uses: get it from the shelf"),
        Fails(Command, "plug-in of no version").WithUser(_ => "exec: {command: no-such-plugin, interactiveMode: Never}"),
        Fails(Command, "plug-in of an unknown version").WithUser(_ => "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: no-such-plugin, interactiveMode: Never}")
            .InOtherWords("clearer-words", "error: exec plugin: invalid apiVersion \"client.authentication.k8s.io/v1alpha1\"", "error: exec plugin: invalid apiVersion \"client.authentication.k8s.io/v1alpha1\" of user \"test\": update the plug-in and its entry in the kubeconfig to client.authentication.k8s.io/v1 or v1beta1").Thorough(),
        Fails(Command, "plug-in without interactiveMode").WithUser(_ => "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin}"),
        Fails(Command, "plug-in with a wrong interactiveMode").WithUser(_ => "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Sometimes}"),
        Fails(Command, "plug-in that must be interactive").WithUser(around => Plugin(around, """{"token": "x"}""").Replace("Never", "Always", StringComparison.Ordinal)),
        Fails(Command, "plug-in without a command").WithUser(_ => "exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}").Thorough(),
        Fails(Command, "plug-in prints nonsense").WithUser(around =>
        {
            around.Write("plugin", "#!/bin/sh\necho nonsense\n", executable: true);
            return PluginFields(around);
        })
            .InOtherWords("clearer-words", "Unable to connect to the server: getting credentials: decoding stdout: couldn't get version/kind; json parse error: json*", "Unable to connect to the server: getting credentials: decoding stdout: it is no ExecCredential: check what */plugin writes"),
        Fails(Command, "plug-in answers in another version").WithUser(around =>
        {
            around.WritePlugin("""{"token": "x"}""", "v1beta1");
            return PluginFields(around);
        })
            .InOtherWords("clearer-words", "Unable to connect to the server: getting credentials: exec plugin is configured to use API version client.authentication*", "Unable to connect to the server: getting credentials: exec plugin is configured to use API version client.authentication.k8s.io/v1, plugin returned version client.authentication.k8s.io/v1beta1: check what */plugin writes"),
        Fails(Command, "plug-in gives nothing").WithUser(around => Plugin(around, "{}"))
            .InOtherWords("clearer-words", "Unable to connect to the server: getting credentials: exec plugin didn't return a token or cert/key pair", "Unable to connect to the server: getting credentials: exec plugin didn't return a token or cert/key pair: check what */plugin writes"),
        Fails(Command, "plug-in gives no status").WithUser(around => Plugin(around, "null"))
            .InOtherWords("clearer-words", "Unable to connect to the server: getting credentials: exec plugin didn't return a status field", "Unable to connect to the server: getting credentials: exec plugin didn't return a status field: check what */plugin writes").Thorough(),
        Fails(Command, "plug-in gives half a certificate").WithUser(around => Plugin(around, """{"clientCertificateData": "x"}"""))
            .InOtherWords("clearer-words", "Unable to connect to the server: getting credentials: exec plugin returned only certificate or key, not both", "Unable to connect to the server: getting credentials: exec plugin returned only certificate or key, not both: check what */plugin writes"),
        Fails(Command, "plug-in gives a wrong token").WithUser(around => Plugin(around, """{"token": "wrong"}""")),

        Fails(Command, "may not get pods").With(around => Restricted(around, "blind", ("*", "pods"))),
        Fails(Command, "may not forward").With(around => Restricted(around, "idle", ("get", "pods/portforward"), ("create", "pods/portforward")))
            .InOtherWords("clearer-words", "error: error upgrading connection: unable to upgrade connection: pods \"solo\" is forbidden: User \"idle\" cannot create res*", "Error from server (Forbidden): pods \"solo\" is forbidden: User \"idle\" cannot create resource \"pods/portforward\" in API group \"\" in the namespace \"default\" (grant \"create\" on pods/portforward *"),
        Fails(Command, "may only get where create is needed").With(around => Restricted(around, "half", ("create", "pods/portforward")))
            .InOtherWords("clearer-words", "error: error upgrading connection: unable to upgrade connection: pods \"solo\" is forbidden: User \"half\" cannot create res*", "Error from server (Forbidden): pods \"solo\" is forbidden: User \"half\" cannot create resource \"pods/portforward\" in API group \"\" in the namespace \"default\" (grant \"create\" on pods/portforward *"),
        Serves(Command, "may neither list nor watch").With(around => Restricted(around, "narrow", ("list", "pods"), ("watch", "pods"))),
        Serves("deploy/web :7000", "may not watch").With(around => Restricted(around, "still", ("watch", "pods"))).Thorough(),
        Fails("deploy/web :7000", "may not get deployments").With(around => Restricted(around, "no-deploy", ("get", "deployments"))),
        Fails("deploy/web :7000", "may not list pods").With(around => Restricted(around, "no-list", ("list", "pods"))),
        Fails("svc/web :80", "may not get services").With(around => Restricted(around, "no-service", ("get", "services"))).Thorough(),
        Fails("--as jane solo :7000", "may not act as another").With(around => Restricted(around, "honest", ("impersonate", "users"))),
        Fails("-n kube-system elsewhere :7000", "may not get pods").With(around => Restricted(around, "stranger", ("get", "pods"))).Thorough(),
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
