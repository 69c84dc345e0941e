using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using PortForward.Cli.Tests.Support;
using PortForward.Testing;
using PortForward.Testing.Applications;

namespace PortForward.Cli.Tests.Files;

/// <summary><c>pf up</c>: the forwards of a file.</summary>
public sealed class UpTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>, IDisposable
{
    private const string Two = """
        version: 1
        address: 127.0.0.1
        forwards:
          echo: { target: pod/solo, ports: [":7000"], groups: [back] }
          web2: { target: svc/web, ports: [":http"], groups: [front] }
        env:
          WEB_URL: "http://{{web2.http.addr}}/"
          ECHO_ADDR: "{{echo.addr}}"
          PLAIN: "a$b"

        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_starts_what_the_file_names_and_says_which_file_it_has_found()
    {
        Directory.CreateDirectory(_folder[".git"]);
        Directory.CreateDirectory(_folder["a/b"]);
        Write("pf.yaml", Two);

        await using PfProcess pf = FileRun.Start(fixture.Kubeconfig, _folder["a/b"], [], "up");
        await pf.OutputLineAsync(_ => pf.Output.Count == 2);

        pf.Output.Select(line => line[(line.LastIndexOf(' ') + 1)..]).Should().BeEquivalentTo("7000", "8080");
        (await pf.ErrorLineAsync(static _ => true)).Should().Be($"forwards of {_folder["pf.yaml"]}: context test, namespace default");
        using Client echo = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.Echo));
        await echo.SendAsync("hello");
        (await echo.ReceiveAsync(5)).Should().Be("hello");
        pf.Signal(PfProcess.Terminate);
        (await pf.ExitAsync()).Should().Be(0);
    }

    [UnixTheory]
    [InlineData("echo", "7000")]
    [InlineData("front", "8080")]
    [InlineData("web2", "8080")]
    [InlineData("echo front", "7000 8080")]
    public async Task It_starts_those_that_are_named_and_groups(string names, string ports)
    {
        Write("pf.yaml", Two);

        await using PfProcess pf = FileRun.Start(fixture.Kubeconfig, _folder.Path, [], ["up", .. names.Split(' ')]);
        await pf.OutputLineAsync(_ => pf.Output.Count == ports.Split(' ').Length);
        pf.Signal(PfProcess.Terminate);
        (await pf.ExitAsync()).Should().Be(0);

        pf.Output.Select(line => line[(line.LastIndexOf(' ') + 1)..]).Should().BeEquivalentTo(ports.Split(' '));
    }

    [Theory]
    [InlineData("up ech", "error: FILE has no forward or group ech: did you mean echo? (see pf --help)")]
    [InlineData("up other", "error: FILE has no forward or group other: it has echo, web2, back, front (see pf --help)")]
    [InlineData("up -f pf.yaml db9", "error: pf.yaml has no forward or group db9: it has echo, web2, back, front (see pf --help)")]
    [InlineData("up -f none.yaml", "error: none.yaml does not exist")]
    [InlineData("up echo 8080", "Error from server (NotFound): pods \"up\" not found (with 8080 behind it, up is a pod; pf up echo is the command, and takes the ports from pf.yaml)")]
    [InlineData("up echo:80", "error: invalid port \"echo:80\": the local port must be a number from 0 to 65535, or be left out for any free port "
        + "(with echo:80 behind it, up is a pod; pf up echo is the command, and takes the ports from pf.yaml) (see pf --help)")]
    [InlineData("up other 8080", "Error from server (NotFound): pods \"up\" not found")]
    [InlineData("upp echo", "Error from server (NotFound): pods \"upp\" not found (did you mean pf up?)")]
    [InlineData("upp other", "Error from server (NotFound): pods \"upp\" not found")]
    [InlineData("up echo -W pod/solo:7000", "error: -W and \"up\" do not go together: -W connects stdin and stdout to one port, as in pf -W pod/dev:22 (see pf --help)")]
    [InlineData("up -l app=web", "error: -l and pf up do not go together: leave out one of them (the port up is written :up) (see pf --help)")]
    [InlineData("-l app=web check", "error: -l and pf check do not go together: leave out one of them (the port check is written :check) (see pf --help)")]
    [InlineData("-l app=web :up", "error: Pod 'web-1' does not have a named port 'up'")]
    [InlineData("check web", "error: pf check takes no name, and web is one: it checks the whole file; -f names another (see pf --help)")]
    [InlineData("pod/solo 8080 -f pf.yaml", "error: -f goes with pf up, pf check and pf init (see pf --help)")]
    public async Task What_is_not_there_is_told_in_a_sentence(string arguments, string told)
    {
        Write("pf.yaml", Two);

        (int exitCode, IReadOnlyList<string> output, IReadOnlyList<string> error) = await FileRun.RunAsync(fixture.Kubeconfig, _folder.Path, arguments.Split(' '));

        (exitCode, error[^1]).Should().Be((1, told.Replace("FILE", _folder["pf.yaml"], StringComparison.Ordinal)));
        output.Should().BeEmpty();
    }

    [Fact]
    public async Task Without_a_file_it_says_how_to_have_one()
    {
        (int exitCode, _, IReadOnlyList<string> error) = await FileRun.RunAsync(fixture.Kubeconfig, _folder.Path, "up");

        exitCode.Should().Be(1);
        error.Should().ContainSingle().Which.Should()
            .Be($"error: there is no pf.yaml here, nor above up to the repository's root, nor in {_folder[".config/pf"]}: pf init writes one, and -f FILE names another");
    }

    [Theory]
    [InlineData("up", "pf.yml", "pf.yml")]
    [InlineData("check", ".pf.yml", ".pf.yml")]
    [InlineData("up", ".config/pf/pf.yml", "FOLDER/.config/pf/pf.yml")]
    [InlineData("up", "../pf.yml", "")]
    public async Task A_file_with_the_other_usual_ending_is_named(string command, string file, string told)
    {
        Directory.CreateDirectory(_folder["here"]);
        _folder.Write(Path.Combine("here", file), Two);

        (int exitCode, _, IReadOnlyList<string> error) = await FileRun.RunAsync(fixture.Kubeconfig, _folder["here"], command);

        string name = told.Replace("FOLDER", _folder["here"], StringComparison.Ordinal);
        string next = name.Length > 0 ? $"{name} is there; rename it to {Path.ChangeExtension(Path.GetFileName(name), "yaml")}" : "pf init writes one, and -f FILE names another";
        exitCode.Should().Be(1);
        error.Should().ContainSingle().Which.Should()
            .Be($"error: there is no pf.yaml here, nor above up to the repository's root, nor in {_folder["here/.config/pf"]}: {next}");
    }

    [Fact]
    public async Task A_word_with_a_digit_is_a_pods_port_unless_the_file_has_that_name()
    {
        (int exitCode, _, IReadOnlyList<string> error) = await FileRun.RunAsync(fixture.Kubeconfig, _folder.Path, "up", "web2");

        exitCode.Should().Be(1);
        error.Should().ContainSingle().Which.Should().EndWith(
            "pods \"up\" not found (pf up web2 is the pod up, since web2 has a digit and is no name in pf.yaml; -f pf.yaml makes it the command)");
    }

    [UnixFact]
    public async Task One_that_cannot_start_is_told_and_does_not_end_the_others()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        int taken = ((IPEndPoint)other.LocalEndpoint).Port;
        Write("pf.yaml", $$"""
            version: 1
            forwards:
              gone: { target: svc/gone, ports: ["80"] }
              taken: { target: svc/web, ports: ["127.0.0.1:{{taken}}:80"] }
              port: { target: svc/web, ports: [":81"] }
              echo: { target: pod/solo, ports: ["127.0.0.1::7000"] }
            """);

        await using PfProcess pf = FileRun.Start(fixture.Kubeconfig, _folder.Path, [], "up", "-q");
        using (Client echo = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.Echo)))
        {
            await pf.ErrorLineAsync(static line => line == "gone: Error from server (NotFound): services \"gone\" not found");
            await pf.ErrorLineAsync(static line => line.StartsWith("taken: Unable to listen on ", StringComparison.Ordinal));
            await pf.ErrorLineAsync(static line => line.StartsWith("port: error: ", StringComparison.Ordinal));
        }

        pf.Output.Should().ContainSingle();
        pf.Signal(PfProcess.Terminate);
        (await pf.ExitAsync()).Should().Be(1);
        pf.Error.Where(static line => line.Contains(": error: ", StringComparison.OrdinalIgnoreCase)).Should().ContainSingle("what is told of a port is told once");
    }

    [Fact]
    public async Task One_that_is_lost_for_good_while_another_still_waits_for_its_pod_is_told_at_once()
    {
        TestPod brief = fixture.Cluster.Pods.Add(TestPod.Probe("brief"));
        fixture.Cluster.Pods.Add(TestPod.Probe("not-yet").Phase("Pending"));
        Write("pf.yaml", """
            version: 1
            forwards:
              brief: { target: pod/brief, ports: [":7000"] }
              later: { target: pod/not-yet, ports: [":8080"] }
            """);
        await using PfProcess pf = FileRun.Start(fixture.Kubeconfig, _folder.Path, [], "up", "--reconnect-timeout", "0s");
        await pf.LocalPortAsync(ClusterFixture.Echo);
        await pf.ErrorLineAsync(static line => line.StartsWith("later: waiting for pod not-yet", StringComparison.Ordinal));

        brief.Delete();

        await pf.ErrorLineAsync(static line => line.StartsWith("brief: error: lost connection to pod", StringComparison.Ordinal));
        pf.Signal(PfProcess.Terminate);
        (await pf.ExitAsync()).Should().Be(1);
        pf.Error.Where(static line => line.Contains("error: ", StringComparison.Ordinal)).Should().ContainSingle();
    }

    [Fact]
    public async Task If_none_can_start_it_ends()
    {
        Write("pf.yaml", "version: 1\nforwards: { a: { target: svc/gone, ports: [\"80\"] }, b: { target: svc/lost, ports: [\"81\"] } }\n");

        (int exitCode, IReadOnlyList<string> output, IReadOnlyList<string> error) = await FileRun.RunAsync(fixture.Kubeconfig, _folder.Path, "up");

        exitCode.Should().Be(1);
        output.Should().BeEmpty();
        error.Skip(1).Should().HaveCount(2);
    }

    [UnixFact]
    public async Task A_command_has_the_variables_of_the_file()
    {
        Write("pf.yaml", Two);

        (int exitCode, IReadOnlyList<string> output, IReadOnlyList<string> error) = await FileRun.RunAsync(
            fixture.Kubeconfig, _folder.Path, "up", "-f", "pf.yaml", "--", "sh", "-c", "test \"$WEB_URL\" = http://$PF_WEB2_ADDR/ && test $ECHO_ADDR = {{echo.addr}} && echo \"$PLAIN\"");

        (exitCode, string.Join('|', error), string.Join('|', output)).Should().Be((0, "", "a$b"));
    }

    [UnixFact]
    public async Task A_socket_is_where_the_file_is()
    {
        Directory.CreateDirectory(_folder[".git"]);
        Directory.CreateDirectory(_folder["a"]);
        Write("pf.yaml", "version: 1\nforwards: { db: { target: svc/web, ports: [\"unix:db.sock:80\"] } }\nenv: { SOCKET: \"{{db.path}}\", TYPO: \"{{db.nope.path}}\" }\n");

        await using (PfProcess wrong = FileRun.Start(fixture.Kubeconfig, _folder["a"], [], "up", "--", "true"))
        {
            (await wrong.ExitAsync()).Should().Be(125);
            wrong.Error[^1].Should().StartWith("error: {{db.nope.path}}: the forward db has no nope.path: ").And.EndWith(" (see TYPO in the file)");
        }

        Write("pf.yaml", "version: 1\nforwards: { db: { target: svc/web, ports: [\"unix:db.sock:80\"] } }\nenv: { SOCKET: \"{{db.path}}\" }\n");
        await using PfProcess pf = FileRun.Start(fixture.Kubeconfig, _folder["a"], [], "up", "--", "sh", "-c", "test -S \"$SOCKET\" && echo \"$SOCKET\"");
        (await pf.ExitAsync()).Should().Be(0);
        pf.Output.Should().Equal(_folder["db.sock"]);
    }

    [UnixFact]
    public async Task A_variable_that_names_a_forward_which_is_not_in_the_run_is_not_set()
    {
        Write("pf.yaml", Two);

        (int exitCode, IReadOnlyList<string> output, IReadOnlyList<string> error) = await FileRun.RunAsync(
            fixture.Kubeconfig, _folder.Path, "up", "front", "-f", "pf.yaml", "--", "sh", "-c", "echo ${ECHO_ADDR-missing} $PLAIN");

        (exitCode, string.Join('|', output)).Should().Be((0, "missing a$b"));
        error.Should().Equal("note: ECHO_ADDR is not set: it names echo, which is not in this run");
    }

    [UnixFact]
    public async Task With_a_command_all_of_them_must_be_ready()
    {
        Write("pf.yaml", "version: 1\nforwards: { a: { target: svc/web, ports: [\":80\"] }, b: { target: svc/gone, ports: [\"81\"] } }\n");

        (int exitCode, IReadOnlyList<string> output, _) = await FileRun.RunAsync(fixture.Kubeconfig, _folder.Path, "up", "--", "echo", "never");

        exitCode.Should().Be(125);
        output.Should().BeEmpty();
    }

    [UnixFact]
    public async Task A_found_file_replaces_no_variable_for_a_command_and_a_named_one_does()
    {
        Write("pf.yaml", "version: 1\nforwards: { a: { target: svc/web, ports: [\":80\"] } }\nenv: { MINE: \"new\" }\n");

        await using PfProcess found = FileRun.Start(fixture.Kubeconfig, _folder.Path, [("MINE", "old")], "up", "--", "sh", "-c", "echo $MINE");
        (await found.ExitAsync()).Should().Be(125);
        found.Error[^1].Should().Be($"error: {_folder["pf.yaml"]}:3:8: only a file named with -f may replace MINE, which is set already");

        await using PfProcess named = FileRun.Start(fixture.Kubeconfig, _folder.Path, [("MINE", "old")], "up", "-f", "pf.yaml", "--", "sh", "-c", "echo $MINE");
        (await named.ExitAsync()).Should().Be(0);
        named.Output.Should().Equal("new");
    }

    [Fact]
    public async Task Mistakes_end_it_before_anything_is_started()
    {
        Write("pf.yaml", EveryMistake.Text);

        (int exitCode, IReadOnlyList<string> output, IReadOnlyList<string> error) = await FileRun.RunAsync(kubeconfig: null, _folder.Path, "up", "-f", "pf.yaml");

        exitCode.Should().Be(1);
        output.Should().BeEmpty();
        error.Should().Equal(EveryMistake.Told.Select(static told => $"error: pf.yaml:{told}"));
    }

    [UnixFact]
    public async Task A_flag_stands_for_what_the_file_says_for_all_and_not_for_one()
    {
        fixture.Cluster.Pods.Add(TestPod.Probe("own").In("own").Serves(5432, TestApplications.SpeaksFirst("own")));
        fixture.Cluster.Pods.Add(TestPod.Probe("all").In("flag").Serves(5432, TestApplications.SpeaksFirst("flag")));
        Write("pf.yaml", """
            version: 1
            namespace: file
            address: 127.0.0.2
            forwards:
              own: { target: pod/own, ports: [":5432"], namespace: own, address: 127.0.0.3 }
              all: { target: pod/all, ports: [":5432"] }
            """);

        await using PfProcess pf = FileRun.Start(fixture.Kubeconfig, _folder.Path, [], "up", "-n", "flag", "--address", "127.0.0.4", "-o", "json");
        await pf.OutputLineAsync(static line => line.Contains("all-ready", StringComparison.Ordinal));

        pf.Output.Select(static line => JsonDocument.Parse(line).RootElement).Where(static line => line.GetProperty("type").GetString() == "listening")
            .Select(static line => $"{line.GetProperty("forward")} {line.GetProperty("namespace")} {line.GetProperty("local").GetProperty("address")}")
            .Should().BeEquivalentTo("own own 127.0.0.3", "all flag 127.0.0.4");
        pf.Error.Should().Equal($"forwards of {_folder["pf.yaml"]}: context test, namespaces own, flag");
    }

    [UnixFact]
    public async Task A_named_file_may_lead_to_several_clusters()
    {
        await using TestCluster other = await TestCluster.StartAsync();
        other.Pods.Add(TestPod.Probe("far").Serves(5432, TestApplications.SpeaksFirst("far away")));
        string far = other.WriteKubeconfig(_folder["far"]);
        await File.WriteAllTextAsync(far, (await File.ReadAllTextAsync(far)).Replace("test", "far", StringComparison.Ordinal).Replace("admin", "far-admin", StringComparison.Ordinal));
        Write("pf.yaml", """
            version: 1
            forwards:
              echo: { target: pod/solo, ports: ["127.0.0.1::7000"] }
              far: { target: pod/far, ports: ["127.0.0.1::5432"], context: far }
            """);

        await using (PfProcess found = FileRun.Start($"{fixture.Kubeconfig}:{far}", _folder.Path, [], "up"))
        {
            (await found.ExitAsync()).Should().Be(1);
            found.Error.Should().Equal($"error: {_folder["pf.yaml"]}:4:64: only a file named with -f may use another context than the current one, test; --context far uses it for this run");
        }

        await using PfProcess pf = FileRun.Start($"{fixture.Kubeconfig}:{far}", _folder.Path, [], "up", "-f", "pf.yaml");
        await pf.OutputLineAsync(_ => pf.Output.Count == 2);
        using Client client = await Client.ConnectAsync(await pf.LocalPortAsync(5432));
        (await client.ReceiveAsync("far away".Length)).Should().Be("far away");
        pf.Error.Should().BeEmpty();
    }

    private void Write(string name, string text) => _folder.Write(name, text);
}
