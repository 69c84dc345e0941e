using PortForward.Testing;
using PortForward.Testing.Api;

namespace PortForward.Cli.Tests.Files;

/// <summary><c>pf check</c> and <c>pf init</c>.</summary>
public sealed class CheckAndInitTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private TestCluster _cluster = null!;
    private string _kubeconfig = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _cluster.Pods.Add(TestPod.Probe("web-1").Label("app", "web"));
        _cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(80, "http", "web"), new ServicePort(443, "https", "web")));
        _cluster.Add(TestObjects.Service("api", "app=web", new ServicePort(8080, null, "web")));
        _cluster.Add(TestObjects.Service("api-2", "app=web", new ServicePort(8080, null, "web")));
        _cluster.Add(TestObjects.Service("on", "app=web", new ServicePort(53, "dns", "53", "UDP"), new ServicePort(53, "dns-tcp", "53")));
        _cluster.Add(TestObjects.Service("udp", "app=web", new ServicePort(53, "dns", "53", "UDP")));
        _cluster.Add(TestObjects.Service("peers", "app=web", "None", [new ServicePort(5432, "pg", "5432")]));
        _cluster.Add(TestObjects.Deployment("web", "app=web"));
        _kubeconfig = _cluster.WriteKubeconfig(_folder["kubeconfig"]);
    }

    public async Task DisposeAsync()
    {
        _folder.Dispose();
        await _cluster.DisposeAsync();
    }

    [Fact]
    public async Task A_right_file_is_one_line_and_needs_no_cluster()
    {
        _folder.Write("pf.yaml", "version: 1\ncontext: kind-dev\nnamespace: shop\nforwards: { a: { target: svc/a, ports: [\"1\"] }, b: { target: svc/b, ports: [\"2\"] } }\n");

        (int exitCode, IReadOnlyList<string> output, IReadOnlyList<string> error) = await FileRun.RunAsync(kubeconfig: null, _folder.Path, "check");

        (exitCode, string.Join('|', output), string.Join('|', error)).Should().Be((0, $"{_folder["pf.yaml"]}: 2 forwards (a, b), context kind-dev, namespace shop: no mistakes", ""));
    }

    [Fact]
    public async Task A_wrong_one_is_told_as_up_tells_it()
    {
        _folder.Write("pf.yaml", "version: 1\ncontext: kind-dev\nforwards: { a: { target: svc/a, ports: [\"1\"] } }\n");
        (await FileRun.RunAsync(_kubeconfig, _folder.Path, "check")).Error.Should().Equal(
            $"error: {_folder["pf.yaml"]}:2:10: only a file named with -f may use another context than the current one, test; --context kind-dev uses it for this run");

        _folder.Write("other.yaml", EveryMistake.Text);
        (int exitCode, IReadOnlyList<string> output, IReadOnlyList<string> error) = await FileRun.RunAsync(_kubeconfig, _folder.Path, "check", "--filename", "other.yaml");
        exitCode.Should().Be(1);
        output.Should().BeEmpty();
        error.Should().Equal(EveryMistake.Told.Select(static told => $"error: other.yaml:{told}"));
    }

    [Fact]
    public async Task With_the_cluster_targets_and_ports_are_looked_up()
    {
        _folder.Write("pf.yaml", """
            version: 1
            forwards:
              right: { target: svc/web, ports: [":http"] }
              workload: { target: deploy/web, ports: [":web"] }
              gone: { target: svc/gone, ports: [":80"] }
              port: { target: svc/web, ports: [":81"] }
              name: { target: deploy/web, ports: [":nope"] }
            """);

        (int exitCode, _, IReadOnlyList<string> error) = await FileRun.RunAsync(_kubeconfig, _folder.Path, "check", "--cluster", "-f", "pf.yaml");

        exitCode.Should().Be(1);
        error.Should().HaveCount(3);
        error[0].Should().StartWith("error: pf.yaml:5:3: gone: ").And.Contain("\"gone\" not found");
        error[1].Should().Be("error: pf.yaml:6:3: port: Service web does not have a service port 81");
        error[2].Should().Be("error: pf.yaml:7:3: name: Pod 'web-1' does not have a named port 'nope'");

        _folder.Write("pf.yaml", "version: 1\nforwards: { right: { target: svc/web, ports: [\":http\"] } }\n");
        (await FileRun.RunAsync(_kubeconfig, _folder.Path, "check", "--cluster")).Output.Should().Equal($"{_folder["pf.yaml"]}: 1 forward (right): no mistakes, and the cluster has them");
        (await FileRun.RunAsync(_kubeconfig, _folder.Path, "check", "--cluster", "none")).ExitCode.Should().Be(1, "with a value it is the kubeconfig's cluster, as elsewhere");
    }

    [Fact]
    public async Task The_services_of_a_namespace_make_a_file_that_is_right()
    {
        (int exitCode, IReadOnlyList<string> output, IReadOnlyList<string> error) = await FileRun.RunAsync(_kubeconfig, _folder.Path, "init");

        (exitCode, string.Join('|', output), string.Join('|', error)).Should().Be((0, "pf.yaml is written: pf check checks it, and pf up starts its forwards", ""));
        string written = await File.ReadAllTextAsync(_folder["pf.yaml"]);
        written.Should().Be("""
            # yaml-language-server: $schema=pf.schema.json
            version: 1
            # context: "test"   # only this one: pf up refuses any other
            namespace: "default"
            forwards:
              api: { target: "svc/api", ports: ["8080:8080"] }
              api-2: { target: "svc/api-2", ports: ["8081:8080"] }
              "on": { target: "svc/on", ports: ["8053:dns-tcp"] }
              peers: { target: "svc/peers", ports: ["5432:pg"] }   # headless: these are the pods' own ports
              # svc/udp is left out: it has no TCP port to forward
              web: { target: "svc/web", ports: ["8082:http", "8443:https"] }

            """.ReplaceLineEndings("\n"));
        (await FileRun.RunAsync(_kubeconfig, _folder.Path, "check", "--cluster")).Output.Should().ContainSingle().Which.Should().EndWith(": no mistakes, and the cluster has them");

        await File.WriteAllTextAsync(_folder["pf.yaml"], "mine");
        (exitCode, _, error) = await FileRun.RunAsync(_kubeconfig, _folder.Path, "init");
        (exitCode, error[0]).Should().Be((1, "error: pf.yaml is there already, and is left as it is: pf init -f - prints what it would write"));
        (await File.ReadAllTextAsync(_folder["pf.yaml"])).Should().Be("mine");
        string.Join('\n', (await FileRun.RunAsync(_kubeconfig, _folder.Path, "init", "-f", "-")).Output).Should().Be(written.TrimEnd('\n'));
    }

    [Fact]
    public async Task What_is_written_is_taken_however_services_and_ports_are_called()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        cluster.Add(TestObjects.Service("web", "app=web", new ServicePort(80, "metrics", "web"), new ServicePort(81, "a-b", "web"), new ServicePort(82, "2", "web")));
        foreach (string name in (string[])["web-metrics", "web-2", "web-a", "web-a-b", "web-metrics-2", "y", "n"])
        {
            cluster.Add(TestObjects.Service(name, "app=web", new ServicePort(80, "b", "web")));
        }

        string kubeconfig = cluster.WriteKubeconfig(_folder["other"]);

        (await FileRun.RunAsync(kubeconfig, _folder.Path, "init", "-f", "pf.yaml")).ExitCode.Should().Be(0);

        (int exitCode, _, IReadOnlyList<string> error) = await FileRun.RunAsync(kubeconfig, _folder.Path, "check");
        (exitCode, string.Join('|', error)).Should().Be((0, ""));
    }

    [Fact]
    public async Task A_file_that_cannot_be_written_is_told_with_what_is_in_the_way()
    {
        _folder.Write("file", "");
        (await FileRun.RunAsync(_kubeconfig, _folder.Path, "init", "-f", "none/pf.yaml")).Error.Should()
            .Equal("error: none/pf.yaml cannot be written: there is no folder none (create it first)");
        (await FileRun.RunAsync(_kubeconfig, _folder.Path, "init", "-f", "file/pf.yaml")).Error.Should().Equal("error: file/pf.yaml cannot be written: file is no folder");
    }

    [Fact]
    public async Task A_namespace_without_services_is_told_and_nothing_is_written()
    {
        _cluster.Add(TestObjects.Namespace("kube-public"));
        (int exitCode, _, IReadOnlyList<string> error) = await FileRun.RunAsync(_kubeconfig, _folder.Path, "init", "-n", "kube-public");

        (exitCode, error[0]).Should().Be((1, "error: the namespace kube-public has no service with a TCP port: nothing is written (-n names another)"));
        (await FileRun.RunAsync(_kubeconfig, _folder.Path, "init", "-n", "nowhere")).Error.Should().Equal("Error from server (NotFound): namespaces \"nowhere\" not found");
        File.Exists(_folder["pf.yaml"]).Should().BeFalse();
    }

    [Fact]
    public async Task Who_may_not_read_a_namespace_is_told_that_it_has_no_services()
    {
        TestUser user = _cluster.Users.Add("eve");
        _cluster.Access.Deny("eve", "get", "namespaces");

        (await FileRun.RunAsync(_cluster.WriteKubeconfig(_folder["eve"], user), _folder.Path, "init", "-n", "nowhere")).Error.Should()
            .Equal("error: the namespace nowhere has no service with a TCP port: nothing is written (-n names another)");
    }
}
