using PortForward.Cli.Tests.Support;
using PortForward.Testing.Api;
using static PortForward.Cli.Tests.DropIn.DropInCase;

namespace PortForward.Cli.Tests.DropIn;

/// <summary>Kubeconfig files: where they are, how they are put together, and what is wrong with them; servers that cannot be reached.</summary>
public sealed class KubeconfigTests(DropInCluster cluster) : IClassFixture<DropInCluster>
{
    private const string Command = "solo :7000";

    public static TheoryData<string> Names => NamesOf(Cases);

    internal static IReadOnlyList<DropInCase> Cases { get; } =
    [
        Serves(Command, "several files: the first one counts").With(around => Files(around, "first", around.Yaml(), around.Yaml(cluster: "server: https://127.0.0.1:1"))),
        Serves(Command, "several files: cluster, context and user in one each").With(around => Files(around, "parts",
            "current-context: test\n",
            $"clusters: [{{name: test, cluster: {{ {around.ClusterFields()} }}}}]\n",
            $"contexts: [{{name: test, context: {{cluster: test, user: test}}}}]\nusers: [{{name: test, user: {{token: {around.Cluster.Admin.Token}}}}}]\n")),
        Serves(Command, "several files: one is missing").With(around => around.Environment["KUBECONFIG"] = $"{around.Folder}/nope:{around.Folder}/kubeconfig").Thorough(),
        Serves(Command, "several files: one is empty").With(around => Files(around, "empty", "", around.Yaml())).Thorough(),
        Serves(Command, "several files: an empty name").With(around => around.Environment["KUBECONFIG"] = $":{around.Folder}/kubeconfig:").Thorough(),
        Serves(Command, "several files: the same twice").With(around => around.Environment["KUBECONFIG"] = $"{around.Folder}/kubeconfig:{around.Folder}/kubeconfig").Thorough(),
        Serves(Command, "several files: the first current-context counts").With(around => Files(around, "current",
            "current-context: other\n", around.Yaml(context: "cluster: nope", current: "test"), around.Yaml(name: "other"))),
        Serves(Command, "the default file").With(around =>
        {
            around.Write(".kube/config", around.Yaml());
            around.Environment["KUBECONFIG"] = null;
        }),
        Serves("--kubeconfig other solo :7000", "a relative path").With(around => around.Write("other", around.Yaml())).Thorough(),
        Serves("--kubeconfig {folder}/other solo :7000", "it counts alone").With(around =>
        {
            around.Write("other", around.Yaml());
            around.Write("kubeconfig", "this: [is no kubeconfig");
        }),
        Serves(Command, "a relative path in KUBECONFIG").With(around => around.Environment["KUBECONFIG"] = "kubeconfig").Thorough(),
        Serves(Command, "paths in the file are relative to it").With(around =>
        {
            around.Write("sub/ca.crt", around.Cluster.AuthorityPem);
            around.Write("sub/token", around.Cluster.Admin.Token);
            around.Environment["KUBECONFIG"] = around.Write("sub/config", around.Yaml(cluster: $"server: {around.Server}, certificate-authority: ca.crt", user: "tokenFile: token"));
        }),
        Serves(Command, "JSON").WithKubeconfig(around => $$"""
            {"apiVersion": "v1", "kind": "Config", "current-context": "test",
             "clusters": [{"name": "test", "cluster": {"server": "{{around.Server}}", "certificate-authority-data": "{{around.AuthorityData}}"} }],
             "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "default"} }],
             "users": [{"name": "test", "user": {"token": "{{around.Cluster.Admin.Token}}"} }]}
            """),
        Serves(Command, "anchors and aliases").WithKubeconfig(around => $$"""
            current-context: &name test
            clusters:
            - name: *name
              cluster: { {{around.ClusterFields()}} }
            contexts:
            - name: *name
              context: {cluster: *name, user: *name}
            users:
            - name: *name
              user: { token: {{around.Cluster.Admin.Token}} }
            """),
        Serves(Command, "a merge key").WithKubeconfig(around => $$"""
            current-context: test
            shared: &shared { certificate-authority-data: {{around.AuthorityData}} }
            clusters:
            - name: test
              cluster: { <<: *shared, server: '{{around.Server}}' }
            contexts:
            - name: test
              context: {cluster: test, user: test}
            users:
            - name: test
              user: { token: {{around.Cluster.Admin.Token}} }
            """).Thorough(),
        Serves(Command, "unknown fields").WithKubeconfig(around => $"nonsense: [1, 2]\n{around.Yaml(cluster: $"{around.ClusterFields()}, color: red")}").Thorough(),
        Serves(Command, "a second document is left alone").WithKubeconfig(around => $"{around.Yaml()}---\nkind: Other\n").Thorough(),
        Serves("elsewhere :7000", "the context's namespace").WithKubeconfig(around => around.Yaml(context: "cluster: test, user: test, namespace: kube-system")),
        Serves("-n default solo :7000", "the flag goes before the context's namespace").WithKubeconfig(around => around.Yaml(context: "cluster: test, user: test, namespace: kube-system")).Thorough(),
        Serves("--context other solo :7000", "two contexts").WithKubeconfig(Two),
        Serves("--cluster other --user other solo :7000", "two contexts").WithKubeconfig(Two).Thorough(),
        Serves("--server {server} --user other solo :7000", "the flag goes before the kubeconfig").WithKubeconfig(around =>
            Two(around).Replace("server: https://127.0.0.1:1", $"certificate-authority-data: {around.AuthorityData}, server: https://127.0.0.1:1", StringComparison.Ordinal)),
        Serves("--context test solo :7000", "the current one does not exist").WithKubeconfig(around => around.Yaml(current: "gone")).Thorough(),
        Serves("--token {token} solo :7000", "the context's user does not exist").WithKubeconfig(around => around.Yaml(context: "cluster: test, user: gone")).Thorough(),
        Serves("--token {token} --server {server} --insecure-skip-tls-verify solo :7000", "no kubeconfig").With(around => around.Environment["KUBECONFIG"] = "/nope"),
        Serves("--token {token} --server {server} --certificate-authority {folder}/ca.crt solo :7000", "no kubeconfig").With(around =>
        {
            around.Write("ca.crt", around.Cluster.AuthorityPem);
            around.Environment["KUBECONFIG"] = null;
        }).Thorough(),
        Serves(Command, "insecure").WithKubeconfig(around => around.Yaml(cluster: $"server: {around.Server}, insecure-skip-tls-verify: true")).Thorough(),
        Serves("--insecure-skip-tls-verify solo :7000", "the flag takes the authority out").WithKubeconfig(around => around.Yaml()).Thorough(),
        Serves(Command, "a host name").WithKubeconfig(around => around.Yaml(cluster: around.ClusterFields(around.Server.Replace("127.0.0.1", "localhost", StringComparison.Ordinal)))).Thorough(),
        Serves(Command, "a trailing slash").WithKubeconfig(around => around.Yaml(cluster: around.ClusterFields($"{around.Server}/"))).Thorough(),
        Serves(Command, "a path prefix").WithKubeconfig(around => around.Yaml(cluster: around.ClusterFields($"{around.Server}{DropInCluster.PathPrefix}"))),
        Serves(Command, "a path prefix with a slash").WithKubeconfig(around => around.Yaml(cluster: around.ClusterFields($"{around.Server}{DropInCluster.PathPrefix}/"))).Thorough(),
        Serves(Command, "tls-server-name").WithKubeconfig(around => around.Yaml(cluster: $"{around.ClusterFields()}, tls-server-name: localhost")).Thorough(),
        Serves("--tls-server-name localhost solo :7000").Thorough(),
        Serves("--server {server} solo :7000", "it takes tls-server-name out").WithKubeconfig(around => around.Yaml(cluster: $"{around.ClusterFields()}, tls-server-name: other.example")),
        Serves(Command, "not over WebSockets").With(around => around.Environment["KUBECTL_PORT_FORWARD_WEBSOCKETS"] = "false"),

        Fails(Command, "no kubeconfig").With(around => around.Environment["KUBECONFIG"] = "/nope")
            .InOtherWords("no-default-server", "The connection to the server localhost:8080 was refused - did you specify the right host or port?", "error: KUBECONFIG names no file that exists: /nope"),
        Fails(Command, "no kubeconfig, since a tilde stands in quotes").With(around => around.Environment["KUBECONFIG"] = "~/.kube/config").Thorough()
            .InOtherWords("no-default-server", "The connection to the server localhost:8080 was refused - did you specify the right host or port?", "error: KUBECONFIG names no file that exists: ~/.kube/config (the shell replaces a ~ only outside quotes and at the beginning of a word: write the whole path)"),
        Fails(Command, "no kubeconfig at home").With(around => around.Environment["KUBECONFIG"] = null)
            .InOtherWords("no-default-server", "The connection to the server localhost:8080 was refused - did you specify the right host or port?", "error: there is no kubeconfig: */.kube/config does not exist, and neither --kubeconfig nor KUBECONFIG names another file"),
        Fails(Command, "an empty kubeconfig").WithKubeconfig(_ => "")
            .InOtherWords("no-default-server", "The connection to the server localhost:8080 was refused - did you specify the right host or port?", "error: the kubeconfig */kubeconfig is empty"),
        Fails("--kubeconfig {folder} solo :7000", "a folder")
            .InOtherWords("clearer-words", "error: error loading config file \"*\": read *: is a directory", "error: the kubeconfig * is a directory: check --kubeconfig and KUBECONFIG"),
        Fails(Command, "not YAML").WithKubeconfig(_ => "{ this is: no: kubeconfig")
            .InOtherWords("clearer-words", "error: error loading config file \"*/kubeconfig\": yaml: did not find expected ',' or '}'", "error: the kubeconfig */kubeconfig is malformed: line 1, column *: While parsing a flow mapping, did not find expected ',' or '}'"),
        Fails(Command, "a list").WithKubeconfig(_ => "- a\n- b\n")
            .InOtherWords("clearer-words", "error: error loading config file \"*/kubeconfig\": couldn't get version/kind; json parse error: json: cannot unmarshal arr*", "error: the kubeconfig */kubeconfig is malformed: line 1, column 1: its top level is no mapping"),
        Fails(Command, "another kind").WithKubeconfig(around => around.Yaml().Replace("kind: Config", "kind: Pod", StringComparison.Ordinal))
            .InOtherWords("clearer-words", "error: error loading config file \"*/kubeconfig\": no kind \"Pod\" is registered for version \"v1\" in scheme \"k8s.io/client-g*", "error: the kubeconfig */kubeconfig is malformed: line *, column *: its kind is Pod, not Config"),
        Fails(Command, "a list that is none").WithKubeconfig(_ => "clusters: nonsense\n")
            .InOtherWords("clearer-words", "error: error loading config file \"*/kubeconfig\": json: cannot unmarshal string into Go struct field Config.clusters of type []v1.NamedCluster", "error: the kubeconfig */kubeconfig is malformed: line 1, column 11: clusters is no list").Thorough(),
        Fails(Command, "a number for a name").WithKubeconfig(around => around.Yaml().Replace("- name: test", "- name: [1]", StringComparison.Ordinal))
            .InOtherWords("clearer-words", "error: error loading config file \"*/kubeconfig\": json: cannot unmarshal array into Go struct field NamedCluster.clusters.name of type string", "error: the kubeconfig */kubeconfig is malformed: line *, column *: an entry of clusters has no name"),
        Fails(Command, "a name twice").WithKubeconfig(around => $$"""
            current-context: test
            clusters:
            - name: test
              cluster: { {{around.ClusterFields()}} }
            - name: test
              cluster: { {{around.ClusterFields()}} }
            contexts: [{name: test, context: {cluster: test, user: test} }]
            users: [{name: test, user: { token: {{around.Cluster.Admin.Token}} } }]
            """)
            .InOtherWords("clearer-words", "error: error loading config file \"*/kubeconfig\": error converting *[]NamedCluster into *map[string]*api.Cluster: duplica*", "error: the kubeconfig */kubeconfig is malformed: line 5, column 3: clusters has two entries named \"test\""),
        Fails(Command, "the current context does not exist").WithKubeconfig(around => around.Yaml(current: "gone"))
            .InOtherWords("clearer-words", "Error in configuration: context was not found for specified context: gone", "Error in configuration: context was not found for specified context: gone (the kubeconfig's current-context; use --context)"),
        Fails(Command, "there is no current context").WithKubeconfig(around => around.Yaml(current: null))
            .InOtherWords("no-default-server", "The connection to the server localhost:8080 was refused - did you specify the right host or port?", "error: the kubeconfig */kubeconfig sets no current-context: use --context"),
        Fails(Command, "the context's cluster does not exist").WithKubeconfig(around => around.Yaml(context: "cluster: gone, user: test"))
            .InOtherWords("no-default-server", "The connection to the server localhost:8080 was refused - did you specify the right host or port?", "error: cluster \"gone\" was not found for context \"test\""),
        Fails(Command, "the context's user does not exist").WithKubeconfig(around => around.Yaml(context: "cluster: test, user: gone"))
            .InOtherWords("no-prompt", "error: EOF", "error: You must be logged in to the server (Unauthorized)"),
        Fails(Command, "the cluster has no server").WithKubeconfig(around => around.Yaml(cluster: $"certificate-authority-data: {around.AuthorityData}"))
            .InOtherWords("no-default-server", "The connection to the server localhost:8080 was refused - did you specify the right host or port?", "error: no server found for cluster \"test\""),
        Fails(Command, "insecure and an authority").WithKubeconfig(around => around.Yaml(cluster: $"{around.ClusterFields()}, insecure-skip-tls-verify: true"))
            .InOtherWords("clearer-words", "error: specifying a root certificates file with the insecure flag is not allowed", "error: specifying a root certificates file with the insecure flag is not allowed: leave out one of certificate-authority and insecure-skip-tls-verify"),
        Fails("--insecure-skip-tls-verify --certificate-authority {folder}/ca.crt solo :7000", "insecure and an authority").With(around => around.Write("ca.crt", around.Cluster.AuthorityPem))
            .InOtherWords("clearer-words", "error: specifying a root certificates file with the insecure flag is not allowed", "error: specifying a root certificates file with the insecure flag is not allowed: leave out one of certificate-authority and insecure-skip-tls-verify").Thorough(),
        Fails(Command, "the authority's file does not exist").WithKubeconfig(around => around.Yaml(cluster: $"server: {around.Server}, certificate-authority: nope.crt"))
            .InOtherWords("clearer-words", "error: unable to read certificate-authority */nope.crt for test due to open */nope.crt: no such file or directory", "error: unable to read certificate-authority of cluster \"test\": */nope.crt does not exist"),
        Fails(Command, "the authority is no base64").WithKubeconfig(around => around.Yaml(cluster: $"server: {around.Server}, certificate-authority-data: '!!'"))
            .InOtherWords("clearer-words", "error: error loading config file \"*/kubeconfig\": illegal base64 data at input byte 0", "error: cluster \"test\" in the kubeconfig */kubeconfig is malformed: line *, column *: certificate-authority-data is no base64"),
        Fails(Command, "the authority is no certificate").WithKubeconfig(around => around.Yaml(cluster: $"server: {around.Server}, certificate-authority-data: bm9uZQ=="))
            .InOtherWords("clearer-words", "error: unable to load root certificates: unable to parse bytes as PEM block", "error: the certificate authority of cluster \"test\" contains no certificate in PEM form"),
        Fails(Command, "another authority").WithKubeconfig(around =>
        {
            around.Write("other.crt", StrangersCertificate.CertificatePem);
            return around.Yaml(cluster: $"server: {around.Server}, certificate-authority: other.crt");
        }),
        Fails(Command, "no authority").WithKubeconfig(around => around.Yaml(cluster: $"server: {around.Server}")),
        Fails("--tls-server-name other.example solo :7000"),
        Fails(Command, "another tls-server-name").WithKubeconfig(around => around.Yaml(cluster: $"{around.ClusterFields()}, tls-server-name: other.example")).Thorough(),
        Fails("--server https://127.0.0.1:1 solo :7000", "refused"),
        Fails("--server https://no-such-host.invalid solo :7000", "no such host"),
        Fails("--server https://no-such-host.invalid:6443 solo :7000", "no such host").Thorough(),
        Fails("--server ftp://127.0.0.1 solo :7000")
            .InOtherWords("clearer-words", "Unable to connect to the server: unsupported protocol scheme \"ftp\"", "error: the server address \"ftp://127.0.0.1\" is no http or https URL and no host:port"),
        Fails("--server nonsense://%zz solo :7000")
            .InOtherWords("clearer-words", "Unable to connect to the server: invalid URL escape \"%zz\"", "error: the server address \"nonsense://%zz\" is no http or https URL and no host:port"),
        Fails("--server https:// solo :7000")
            .InOtherWords("clearer-words", "error: host must be a URL or a host:port pair: \"https://\"", "error: the server address \"https://\" is no http or https URL and no host:port"),
        Fails(Command, "the server has a fault").With(around => around.Undo(around.Cluster.Faults.Always(AsksForSolo, RequestFault.Status(500)))),
        Fails(Command, "a proxy's page").With(around => around.Undo(around.Cluster.Faults.Always(AsksForSolo, RequestFault.Answer(200, "<html>welcome</html>", "text/html"))))
            .InOtherWords("clearer-words", "error: serializer for text/html doesn't exist", "error: the server at 127.0.0.1:* answered with text/html; check that it is a Kubernetes API server and not a log-in page or a proxy before it"),
        Fails(Command, "a proxy's error page").With(around => around.Undo(around.Cluster.Faults.Always(AsksForSolo, RequestFault.Answer(502, "<html>bad gateway</html>", "text/html"))))
            .InOtherWords("clearer-words", "Error from server (InternalError): an error on the server (\"<html>bad gateway</html>\") has prevented the request from succeeding (get pods solo)", "Error from server (InternalError): an error on the server (\"bad gateway\") has prevented the request from succeeding (get pods solo)"),
        Fails(Command, "the upgrade has a fault").With(around => around.Undo(around.Cluster.Faults.Always(request => request.IsPortForward, RequestFault.Status(500))))
            .InOtherWords("clearer-words", "error: error upgrading connection: unable to upgrade connection: Internal error occurred: injected by the test", "Error from server (InternalError): Internal error occurred: injected by the test"),
        Fails("--request-timeout 1 solo :7000", "no answer").With(around => around.Undo(around.Cluster.Faults.Always(AsksForSolo, RequestFault.Hang)))
            .InOtherWords("clearer-words", "Unable to connect to the server: *", "Unable to connect to the server: no answer within 1 s (--request-timeout)"),
    ];

    [DropInTheory]
    [MemberData(nameof(Names))]
    public Task Pf_reads_a_kubeconfig_as_kubectl_does(string name) => cluster.CompareAsync(Cases.Single(one => one.Name == name));

    /// <summary>Several files in KUBECONFIG.</summary>
    private static bool AsksForSolo(RecordedRequest request) => request.Path.EndsWith("/pods/solo", StringComparison.Ordinal);

    private static void Files(CaseSurroundings around, string name, params string[] texts) =>
        around.Environment["KUBECONFIG"] = string.Join(':', texts.Select((text, i) => around.Write($"{name}-{i}", text)));

    /// <summary>The contexts "broken", the current one, and "other", which works.</summary>
    private static string Two(CaseSurroundings around) => $$"""
        current-context: broken
        clusters:
        - name: broken
          cluster: { server: https://127.0.0.1:1 }
        - name: other
          cluster: { {{around.ClusterFields()}} }
        contexts:
        - name: broken
          context: { cluster: broken, user: broken }
        - name: other
          context: { cluster: other, user: other }
        users:
        - name: broken
          user: { token: none }
        - name: other
          user: { token: {{around.Cluster.Admin.Token}} }
        """;
}
