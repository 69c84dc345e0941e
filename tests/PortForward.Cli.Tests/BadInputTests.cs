using System.Net;
using System.Net.Sockets;
using PortForward.Cli.Tests.Support;
using PortForward.Testing;
using PortForward.Testing.Api;

namespace PortForward.Cli.Tests;

/// <summary>What the user reads after a mistake, or in front of a broken cluster: one line that says what happened.</summary>
public sealed class BadInputTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>
{
    [Theory]
    [InlineData("pod/solo", "error: TYPE/NAME and list of ports are required for port-forward, as in: pf pod/web 8080:80 (see pf --help)")]
    [InlineData("upp", "error: TYPE/NAME and list of ports are required for port-forward, as in: pf pod/web 8080:80 (did you mean pf up?) (see pf --help)")]
    [InlineData("chekc", "error: TYPE/NAME and list of ports are required for port-forward, as in: pf pod/web 8080:80 (did you mean pf check?) (see pf --help)")]
    [InlineData("version", "error: TYPE/NAME and list of ports are required for port-forward, as in: pf pod/web 8080:80 (did you mean pf --version?) (see pf --help)")]
    [InlineData("solo", "error: TYPE/NAME and list of ports are required for port-forward, as in: pf pod/web 8080:80 (see pf --help)")]
    [InlineData("pod/solo 1:2:3", "error: invalid port \"1:2:3\": expected [LOCAL:]REMOTE, or ADDRESS:LOCAL:REMOTE (see pf --help)")]
    [InlineData("pod/solo 8080:localhost:80", "error: invalid port \"8080:localhost:80\": the address comes first, as in localhost:8080:80 (see pf --help)")]
    [InlineData("pod/solo 80 svc/web", "error: svc/web has no port: each target is followed by its own, as in svc/web :80 (see pf --help)")]
    [InlineData("svc/web@ 80", "error: svc/web@: the namespace is missing after '@' (see pf --help)")]
    [InlineData("web@shop 80", "error: web@shop: a target with a name or a namespace has its type too, as in db=pod/web@shop (see pf --help)")]
    [InlineData("9=svc/web 80", "error: invalid name \"9\" in 9=svc/web: a name begins with a letter and has letters, digits, '-', '_' and '.' (see pf --help)")]
    [InlineData("db=pod/solo 80 db=svc/web 80", "error: two forwards are called db (see pf --help)")]
    [InlineData("pod/solo unix:80", "error: invalid port \"unix:80\": a path or a remote port is missing, expected unix:PATH:REMOTE (see pf --help)")]
    [InlineData("pod/solo unix:/tmp/x:80 svc/web unix:/tmp/../tmp/x:80", "error: two ports listen on unix:*; each needs a socket of its own (see pf --help)")]
    [InlineData("-W svc/web", "error: invalid argument \"svc/web\" for \"-W\" flag: a target and a port belong together, as in pf -W pod/dev:22 (see pf --help)")]
    [InlineData("-W svc/web:", "error: invalid argument \"svc/web:\" for \"-W\" flag: a target and a port belong together, as in pf -W pod/dev:22 (see pf --help)")]
    [InlineData("-W svc/web:8080:80", "error: invalid argument \"svc/web:8080:80\" for \"-W\" flag: there is neither a local port nor a name, as in pf -W pod/dev:22 (see pf --help)")]
    [InlineData("-W db=svc/web:80", "error: invalid argument \"db=svc/web:80\" for \"-W\" flag: there is neither a local port nor a name, as in pf -W pod/dev:22 (see pf --help)")]
    [InlineData("-W svc/web:80 pod/solo 80", "error: -W and \"pod/solo\" do not go together: -W connects stdin and stdout to one port, as in pf -W pod/dev:22 (see pf --help)")]
    [InlineData("-W svc/web:80 -- true", "error: -W and \"true\" do not go together: -W connects stdin and stdout to one port, as in pf -W pod/dev:22 (see pf --help)")]
    [InlineData("-W svc/web:80 -l app=web", "error: -W and -l do not go together: -W connects stdin and stdout to one port, as in pf -W pod/dev:22 (see pf --help)")]
    [InlineData("-W svc/web:80 -o json", "error: -W and -o json do not go together: -W connects stdin and stdout to one port, as in pf -W pod/dev:22 (see pf --help)")]
    [InlineData("-W svc/web:80 --ports-file x", "error: -W and --ports-file do not go together: -W connects stdin and stdout to one port, as in pf -W pod/dev:22 (see pf --help)")]
    [InlineData("-W svc/web:80 --address 0.0.0.0", "error: -W and --address do not go together: -W connects stdin and stdout to one port, as in pf -W pod/dev:22 (see pf --help)")]
    [InlineData("-W configmap/x:80", "error: a configmap has no pods to forward to; use *")]
    [InlineData("-W svc/web:81", "error: Service web does not have a service port 81")]
    [InlineData("-W svc/nope:80", "Error from server (NotFound): services \"nope\" not found")]
    [InlineData("-W pod/solo:9999", "error: pod refused connections on port 9999; *")]
    [InlineData("pod/solo 80 svc/nope :80", "Error from server (NotFound): services \"nope\" not found")]
    [InlineData("pod/solo :7000 pod/nope@elsewhere 80", "Error from server (NotFound): namespaces \"elsewhere\" not found")]
    [InlineData("-l app=web", "error: a port is missing behind the selector, as in: pf -l app=web 8080:80 (see pf --help)")]
    [InlineData("-l app=web svc/web 80", "error: -l stands for the target, so svc/web cannot be one too: leave out one of them (see pf --help)")]
    [InlineData("-l app=web, 80", "error: invalid selector \"app=web,\": the name of a label is missing at its end (see pf --help)")]
    [InlineData("--selector= 80", "error: a selector must not be empty, since it would mean every pod of the namespace (see pf --help)")]
    [InlineData("--selector app=web 80 nope", "error: Pod 'web-1' does not have a named port 'nope'")]
    [InlineData("selector/app=web 80", "error: selector/app=web: a selector is given with -l, as in pf -l app=web 8080:80 (see pf --help)")]
    [InlineData("-l app=web -n nowhere 80", "Error from server (NotFound): namespaces \"nowhere\" not found")]
    [InlineData("pod/solo 0", "error: invalid port \"0\": the remote port must be from 1 to 65535 (see pf --help)")]
    [InlineData("pod/solo 70000", "error: invalid port \"70000\": the remote port must be from 1 to 65535 (see pf --help)")]
    [InlineData("pod/solo 70000:80", "error: invalid port \"70000:80\": the local port must be a number from 0 to 65535, or be left out for any free port (see pf --help)")]
    [InlineData("pod/solo abc", "error: Pod 'solo' does not have a named port 'abc'")]
    [InlineData("pod/solo 80 --bogus", "error: unknown flag: --bogus (see pf --help)")]
    [InlineData("-x pod/solo 80", "error: unknown shorthand flag: 'x' in -x (see pf --help)")]
    [InlineData("pod/solo 80 -n", "error: flag needs an argument: 'n' in -n (see pf --help)")]
    [InlineData("pod/solo 80 --context", "error: flag needs an argument: --context (see pf --help)")]
    [InlineData("--context nope pod/solo 80", "error: context \"nope\" does not exist*")]
    [InlineData("--kubeconfig /nope/config pod/solo 80", "error: the kubeconfig /nope/config does not exist: check --kubeconfig")]
    [InlineData("--certificate-authority /nope pod/solo 80", "error: unable to read --certificate-authority: /nope does not exist")]
    [InlineData("--certificate-authority /tmp pod/solo 80", "error: unable to read --certificate-authority: /tmp: it is a folder")]
    [InlineData("--client-certificate /nope --client-key /nope pod/solo 80", "error: unable to read --client-certificate: /nope does not exist")]
    [InlineData("--address 1.2.3 pod/solo 80", "error: 1.2.3 is not a valid IP (see pf --help)")]
    [InlineData("--pod-running-timeout soon pod/solo 80", "error: invalid argument \"soon\" for \"--pod-running-timeout\" flag: a duration looks like 30s or 1m30s (see pf --help)")]
    [InlineData("--pod-running-timeout 0s pod/solo 80", "error: --pod-running-timeout must be higher than zero (see pf --help)")]
    [InlineData("--log-format xml pod/solo 80", "error: invalid argument \"xml\" for \"--log-format\" flag: text or json (see pf --help)")]
    [InlineData("--transport quic pod/solo 80", "error: invalid argument \"quic\" for \"--transport\" flag: auto, websocket, spdy or channel (see pf --help)")]
    [InlineData("--warm-connections -1 pod/solo 80", "error: --warm-connections must not be negative (see pf --help)")]
    [InlineData("a/b/c 80 --max-tunnels 0", "error: --max-tunnels must be at least 1 (see pf --help)")]
    [InlineData("--address here pod/solo 80 --transport quic", "error: here is not a valid IP (see pf --help)")]
    [InlineData("-v high pod/solo 80", "error: invalid argument \"high\" for \"-v, --v\" flag: a whole number is expected (see pf --help)")]
    [InlineData("a/b/c 80", "error: arguments in resource/name form may not have more than one slash (see pf --help)")]
    [InlineData("configmap/x 80", "error: a configmap has no pods to forward to; use *")]
    [InlineData("pod/nope 80", "Error from server (NotFound): pods \"nope\" not found")]
    [InlineData("svc/nope 80", "Error from server (NotFound): services \"nope\" not found")]
    [InlineData("svc/web 81", "error: Service web does not have a service port 81")]
    [InlineData("pod/done 80", "error: *not running*Current status=Succeeded*")]
    [InlineData("--token wrong pod/solo 80", "error: You must be logged in to the server (*")]
    [InlineData("--server https://127.0.0.1:1 pod/solo 80", "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?")]
    [InlineData("--server https://no-such-host.invalid pod/solo 80", "Unable to connect to the server: dial tcp: lookup no-such-host.invalid: no such host")]
    [InlineData("--tls-server-name other.example pod/solo 80", "Unable to connect to the server: tls: failed to verify certificate: x509: certificate is valid for *, not other.example")]
    public async Task A_mistake_is_told_in_one_line(string arguments, string expected)
    {
        await using PfProcess pf = await PfProcess.RunAsync(fixture.Kubeconfig, arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        await ShouldFailWithAsync(pf, expected);
    }

    [Fact]
    public async Task Alone_it_shows_its_usage_and_three_examples_beside_the_error()
    {
        await using PfProcess pf = await PfProcess.RunAsync(fixture.Kubeconfig);

        (await pf.ExitAsync()).Should().Be(1);
        pf.Output.Should().BeEmpty();
        pf.Error[0].Should().Be("error: TYPE/NAME and list of ports are required for port-forward, as in: pf pod/web 8080:80 (see pf --help)");
        pf.Error.Should().Contain("Usage:").And.Contain("Examples:");
        pf.Error.SkipWhile(line => line != "Examples:").Skip(1).Should().HaveCount(3).And.OnlyContain(line => line.StartsWith("  pf ", StringComparison.Ordinal) && line.Length <= 100);
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_not_trusted()
    {
        await using TestCluster other = await TestCluster.StartAsync();
        string authority = fixture.PathOf("other-ca.crt");
        await File.WriteAllTextAsync(authority, other.AuthorityPem);

        await using PfProcess pf = await PfProcess.RunAsync(fixture.Kubeconfig, "--certificate-authority", authority, "pod/solo", "80");

        await ShouldFailWithAsync(pf, "Unable to connect to the server: tls: failed to verify certificate: x509: certificate signed by unknown authority");
    }

    [Fact]
    public async Task A_certificate_for_another_host_is_not_trusted()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(new TestClusterOptions { CertificateNames = ["api.example"] });
        string kubeconfig = cluster.WriteKubeconfig(fixture.PathOf("other-host"));

        await using PfProcess pf = await PfProcess.RunAsync(kubeconfig, "pod/solo", "80");

        await ShouldFailWithAsync(pf, "Unable to connect to the server: tls: failed to verify certificate: x509: *127.0.0.1*");
    }

    [Theory]
    [InlineData("{ this is: no: kubeconfig")]
    [InlineData("- a list")]
    [InlineData("clusters:\n- cluster: {}\n")]
    public async Task A_malformed_kubeconfig_is_named(string content)
    {
        string path = fixture.PathOf($"malformed-{Guid.NewGuid():N}");
        await File.WriteAllTextAsync(path, content);

        await using PfProcess pf = await PfProcess.RunAsync(path, "pod/solo", "80");

        await ShouldFailWithAsync(pf, $"error: the kubeconfig {path} is malformed: *");
    }

    [UnixFact]
    public async Task A_kubeconfig_that_is_a_folder_is_named()
    {
        string path = Directory.CreateDirectory(fixture.PathOf("a-folder")).FullName;

        await using PfProcess pf = await PfProcess.RunAsync(path, "pod/solo", "80");

        await ShouldFailWithAsync(pf, $"error: the kubeconfig {path} is a directory: check --kubeconfig and KUBECONFIG");
    }

    [Fact]
    public async Task A_missing_right_is_told_in_the_servers_words_and_nothing_listens()
    {
        await using TestCluster cluster = await TestCluster.StartAsync();
        cluster.Pods.Add(TestPod.Probe("solo"));
        TestUser user = cluster.Users.Add("eve");
        cluster.Access.Deny("eve", "create", "pods/portforward");
        cluster.Access.Deny("eve", "get", "pods/portforward");
        string kubeconfig = cluster.WriteKubeconfig(fixture.PathOf("forbidden"), user);

        await using PfProcess pf = await PfProcess.RunAsync(kubeconfig, "pod/solo", ":80");

        await ShouldFailWithAsync(pf, "Error from server (Forbidden): pods \"solo\" is forbidden: User \"eve\" cannot create resource \"pods/portforward\" *");
    }

    [Fact]
    public async Task A_port_in_use_is_told_and_the_others_go_on()
    {
        using Socket taken = Take(out int port);
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "--address", "127.0.0.1", "pod/solo", $"{port}:{ClusterFixture.Http}", $":{ClusterFixture.Echo}");

        await pf.LocalPortAsync(ClusterFixture.Echo);
        await pf.ErrorLineAsync(line => line.StartsWith("Unable to listen", StringComparison.Ordinal));

        pf.Error.Should().Equal(
            $"Unable to listen on port {port}: 127.0.0.1:{port}: address already in use (stop the program that has it, or use another one: \":{ClusterFixture.Http}\" takes any free port)");
    }

    [Fact]
    public async Task When_no_port_is_to_be_had_it_ends()
    {
        using Socket taken = Take(out int port);

        await using PfProcess pf = await PfProcess.RunAsync(fixture.Kubeconfig, "--address", "127.0.0.1", "pod/solo", $"{port}:80");

        (await pf.ExitAsync()).Should().Be(1);
        pf.Output.Should().BeEmpty();
        pf.Error.Should().HaveCount(2).And.Subject.Last().Should().Be($"error: unable to listen on any of the requested ports: [{{{port} 80}}]");
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("pod/solo 80 --help")]
    public async Task Help_goes_to_stdout_and_names_the_flags(string arguments)
    {
        await using PfProcess pf = await PfProcess.RunAsync(kubeconfig: null, arguments.Split(' '));

        (await pf.ExitAsync()).Should().Be(0);
        string help = string.Join('\n', pf.Output);
        help.Should().Contain("Usage:").And.Contain("pf pod/web 8080:80");
        foreach (string flag in (string[])["--address", "--pod-running-timeout", "-n, --namespace", "--context", "--kubeconfig", "-s, --server", "--token", "--verbose", "-v, --v", "--log-format"])
        {
            help.Should().Contain(flag);
        }

        pf.Output.Should().OnlyContain(line => line.Length <= 100);
        pf.Error.Should().BeEmpty();
    }

    [Theory]
    [InlineData("-ndefault pod/solo :7000")]
    [InlineData("-n=default pod/solo :7000")]
    [InlineData("pod/solo --namespace=default :7000")]
    [InlineData("pod/solo :7000 -n wrong -n default")]
    [InlineData("--insecure-skip-tls-verify=false pod/solo :7000")]
    [InlineData("--match-server-version=false --cache-dir x --vmodule= --profile none --disable-compression -v=0 -- pod/solo :7000")]
    public async Task Flags_are_written_as_kubectls(string arguments)
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, arguments.Split(' '));

        (await pf.LocalPortAsync(7000)).Should().BePositive();
        pf.Error.Should().BeEmpty();
    }

    private static async Task ShouldFailWithAsync(PfProcess pf, string expected)
    {
        (await pf.ExitAsync()).Should().Be(1);
        pf.Output.Should().BeEmpty();
        pf.Error.Should().ContainSingle().Which.Should().Match(expected);
    }

    private static Socket Take(out int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        return socket;
    }
}
