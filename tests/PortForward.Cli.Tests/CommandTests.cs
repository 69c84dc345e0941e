using System.Diagnostics;
using PortForward.Cli.Tests.Support;
using PortForward.Testing;

namespace PortForward.Cli.Tests;

/// <summary>A command behind forwards: <c>pf TARGET PORT -- COMMAND</c>.</summary>
public sealed class CommandTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>
{
    [UnixFact]
    public async Task It_is_told_where_the_forwards_are_and_stdout_is_its_own()
    {
        await using PfProcess pf = await RunAsync("db=pod/solo", ":7000", ":web", "svc/web", ":http", "--", "sh", "-c", "env | grep -E '^(PF_DB|PF_WEB|WEB_SERVICE)' | sort | sed 's/=[0-9]*$/=N/; s/:[0-9]*$/:N/'");

        (await pf.ExitAsync()).Should().Be(0);
        pf.Error.Should().BeEmpty();
        pf.Output.Should().Equal(
            "PF_DB_7000_ADDR=127.0.0.1:N", "PF_DB_7000_HOST=127.0.0.1", "PF_DB_7000_PORT=N", "PF_DB_8080_ADDR=127.0.0.1:N", "PF_DB_8080_HOST=127.0.0.1", "PF_DB_8080_PORT=N",
            "PF_DB_ADDR=127.0.0.1:N", "PF_DB_ECHO_ADDR=127.0.0.1:N", "PF_DB_ECHO_HOST=127.0.0.1", "PF_DB_ECHO_PORT=N", "PF_DB_HOST=127.0.0.1", "PF_DB_PORT=N",
            "PF_DB_WEB_ADDR=127.0.0.1:N", "PF_DB_WEB_HOST=127.0.0.1", "PF_DB_WEB_PORT=N",
            "PF_WEB_80_ADDR=127.0.0.1:N", "PF_WEB_80_HOST=127.0.0.1", "PF_WEB_80_PORT=N", "PF_WEB_ADDR=127.0.0.1:N", "PF_WEB_HOST=127.0.0.1",
            "PF_WEB_HTTP_ADDR=127.0.0.1:N", "PF_WEB_HTTP_HOST=127.0.0.1", "PF_WEB_HTTP_PORT=N", "PF_WEB_PORT=N",
            "WEB_SERVICE_HOST=127.0.0.1", "WEB_SERVICE_PORT=N", "WEB_SERVICE_PORT_HTTP=N");
    }

    [UnixFact]
    public async Task Each_port_is_told_with_the_address_that_it_has()
    {
        await using PfProcess pf = await RunAsync("x=pod/solo", ":7000", "127.0.0.2::8080", "127.0.0.3::8080", "--", "sh", "-c",
            "echo $PF_X_HOST $PF_X_8080_HOST {{x.web.host}} ${PF_X_8080_ADDR%:*}; test $PF_X_8080_ADDR = {{x.8080.addr}} && test $PF_X_8080_PORT = {{x.web.port}} && echo same");

        (await pf.ExitAsync()).Should().Be(0);
        pf.Output.Should().Equal("127.0.0.1 127.0.0.2 127.0.0.2 127.0.0.2", "same");
    }

    [UnixFact]
    public async Task A_variable_of_Kubernetes_that_is_set_stays()
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["WEB_SERVICE_HOST"] = "elsewhere" };
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, environment, "svc/web", ":80", "--", "sh", "-c", "echo $WEB_SERVICE_HOST");

        (await pf.ExitAsync()).Should().Be(0);
        pf.Output.Should().Equal("elsewhere");
    }

    [UnixFact]
    public async Task It_starts_only_when_connections_are_served()
    {
        const string Script = "exec 3<>/dev/tcp/{{solo.host}}/{{solo.web.port}}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; head -n 1 <&3 | tr -d '\\r'";
        await using PfProcess pf = await RunAsync("pod/solo", ":8080", "--", "bash", "-c", Script);

        (await pf.ExitAsync()).Should().Be(0);
        pf.Output.Should().Equal("HTTP/1.1 200 OK");
    }

    [UnixTheory]
    [InlineData("true", 0)]
    [InlineData("false", 1)]
    [InlineData("exit 42", 42)]
    [InlineData("kill -KILL $$", 137)]
    [InlineData("kill -TERM $$", 143)]
    public async Task Its_exit_code_is_the_programs(string script, int expected)
    {
        await using PfProcess pf = await RunAsync("pod/solo", ":8080", "--", "sh", "-c", script);

        (await pf.ExitAsync()).Should().Be(expected);
        pf.Error.Should().BeEmpty();
    }

    [UnixFact]
    public async Task One_that_does_not_exist_or_cannot_be_run_is_told_apart()
    {
        await using PfProcess missing = await RunAsync("pod/solo", ":8080", "--", "no-such-command-anywhere", "80");
        (await missing.ExitAsync()).Should().Be(127);
        missing.Error.Should().Equal("error: no-such-command-anywhere was not found in PATH");

        await using PfProcess empty = await RunAsync("pod/solo", ":8080", "--", "", "80");
        (await empty.ExitAsync()).Should().Be(127);
        empty.Error.Should().Equal("error: the command is empty: is its variable set?");

        await using PfProcess path = await RunAsync("pod/solo", ":8080", "--", "./no-such-file");
        (await path.ExitAsync()).Should().Be(127);
        path.Error.Should().Equal("error: ./no-such-file does not exist");

        string file = fixture.PathOf("not-a-program");
        await File.WriteAllTextAsync(file, "#!/bin/sh\n");
        await using PfProcess denied = await RunAsync("pod/solo", ":8080", "--", file);
        (await denied.ExitAsync()).Should().Be(126);
        denied.Error.Should().Equal($"error: {file} is not executable (chmod +x makes it so)");

        await using PfProcess folder = await RunAsync("pod/solo", ":8080", "--", "/tmp/");
        (await folder.ExitAsync()).Should().Be(126);
    }

    [UnixTheory]
    [InlineData("#!/no/such/shell -e\n", 127, "FILE cannot be run: its first line names /no/such/shell, which does not exist")]
    [InlineData("#! /bin/sh\r\ntrue\r\n", 127, "FILE cannot be run: its lines end as on Windows (dos2unix mends that)")]
    [InlineData("echo hello\n", 126, "FILE is no program: a script needs a first line such as #!/bin/sh")]
    [InlineData("", 126, "FILE is no program: a script needs a first line such as #!/bin/sh")]
    [InlineData("\u007fELF of another machine", 126, "FILE cannot be run: it was built for another system or processor")]
    public async Task An_executable_file_that_does_not_start_is_told_with_what_is_wrong_in_it(string content, int exitCode, string told)
    {
        string file = fixture.PathOf($"script-{Guid.NewGuid():N}");
        await File.WriteAllTextAsync(file, content);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        await using PfProcess pf = await RunAsync("pod/solo", ":8080", "--", file);

        (await pf.ExitAsync()).Should().Be(exitCode);
        pf.Error.Should().Equal($"error: {told.Replace("FILE", file, StringComparison.Ordinal)}");
    }

    [UnixTheory]
    [InlineData("pod/nope 80 -- true", "Error from server (NotFound): pods \"nope\" not found")]
    [InlineData("pod/solo 80 --bogus -- true", "error: unknown flag: --bogus*")]
    [InlineData("pod/solo 1:2:3 -- true", "error: invalid port*")]
    [InlineData("--pod-running-timeout 300ms pod/done 80 -- true", "error: *not running*")]
    [InlineData("pod/solo :7000 a-b=svc/web :80 a.b=svc/web :80 -- true", "error: the forwards a-b and a.b would both set PF_A_B_HOST: *")]
    [InlineData("pod/solo :7000 -- echo {{solo.prot}}", "error: {{solo.prot}}: the forward solo has no prot: did you mean {{solo.port}}? (--no-templates passes it on as it is)")]
    [InlineData("pod/solo :7000 -- echo {{solo.service}}", "error: {{solo.service}}: the forward solo has no service: it has host, port, addr, 7000.host, *echo.addr (--no-templates*)")]
    [InlineData("db=pod/solo :5432 db-5432=svc/web :80 -- true", "error: the forwards db and db-5432 would both set PF_DB_5432_HOST: *")]
    [InlineData("pod/solo 8080 svc/web 8080:80 -- true", "error: pod/solo 8080 and svc/web 8080:80 want the same local port, 8080: :80 takes any free one *")]
    [InlineData("pod/solo 8080:80 8080:81 -- true", "error: pod/solo 8080:80 and pod/solo 8080:81 want the same local port, 8080: *")]
    [InlineData("pod/solo 127.0.0.1:8080:80 0.0.0.0:8080:81 -- true", "error: *want the same local port, 8080: *")]
    public async Task If_it_is_not_started_the_exit_code_says_so(string arguments, string error)
    {
        await using PfProcess pf = await RunAsync(arguments.Split(' '));

        (await pf.ExitAsync()).Should().Be(125);
        pf.Output.Should().BeEmpty();
        pf.Error.Should().ContainSingle().Which.Should().Match(error);
    }

    [UnixFact]
    public async Task A_port_that_cannot_be_had_is_a_failure_though_others_can()
    {
        using var other = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        other.Start();
        int taken = ((System.Net.IPEndPoint)other.LocalEndpoint).Port;

        await using PfProcess pf = await RunAsync("--address", "127.0.0.1", "pod/solo", ":8080", $"{taken}:7000", "--", "true");

        (await pf.ExitAsync()).Should().Be(125);
        pf.Error.Should().HaveCount(2).And.EndWith("error: nothing is forwarded, since not all ports can be had");
    }

    [UnixFact]
    public async Task Templates_are_filled_in_only_where_they_name_a_forward()
    {
        await using PfProcess pf = await RunAsync("db=pod/solo", ":7000", "--", "echo", "{{db.host}}", "{{dbx.host}}", "{{ .Values }}", "a{{db.host}}b{{db.host}}c");
        (await pf.ExitAsync()).Should().Be(0);
        pf.Output.Should().Equal("127.0.0.1 {{dbx.host}} {{ .Values }} a127.0.0.1b127.0.0.1c");

        await using PfProcess verbatim = await RunAsync("--no-templates", "db=pod/solo", ":7000", "--", "echo", "{{db.host}}");
        (await verbatim.ExitAsync()).Should().Be(0);
        verbatim.Output.Should().Equal("{{db.host}}");
    }

    [UnixTheory]
    [InlineData("7000 -- 8080", 2)]
    [InlineData(":7000 -- :8080", 2)]
    [InlineData(":7000 --", 1)]
    [InlineData("-- :7000", 1)]
    public async Task Ports_behind_the_dashes_stay_ports(string words, int ports)
    {
        string[] free = [.. words.Split(' ').Select(static word => word is "7000" or "8080" ? $":{word}" : word)];
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, ["--address", "127.0.0.1", "pod/solo", .. free]);

        await pf.OutputLineAsync(_ => pf.Output.Count == ports);
        pf.Output.Should().OnlyContain(line => line.StartsWith("Forwarding from 127.0.0.1:", StringComparison.Ordinal));
    }

    [UnixTheory]
    [InlineData(PfProcess.Interrupt, "INT", 42)]
    [InlineData(PfProcess.Terminate, "TERM", 42)]
    [InlineData(PfProcess.Hangup, "HUP", 42)]
    [InlineData(PfProcess.Quit, "QUIT", 42)]
    public async Task A_signal_is_passed_on_and_the_command_decides(int signal, string name, int expected)
    {
        // With setsid there is no terminal that could have delivered it to the command.
        await using PfProcess pf = PfProcess.Start(WithoutTerminal(PfProcess.Command(
            fixture.Kubeconfig, "pod/solo", ":7000", "--", "sh", "-c", $"trap 'echo got {name}; exit 42' {name}; echo started; while :; do sleep 0.05; done")));
        await pf.OutputLineAsync(line => line == "started");

        pf.Signal(signal);

        (await pf.ExitAsync()).Should().Be(expected);
        pf.Output.Should().Equal("started", $"got {name}");
    }

    [UnixFact]
    public async Task A_command_that_ignores_the_first_request_to_terminate_is_killed_by_the_second()
    {
        await using PfProcess pf = PfProcess.Start(WithoutTerminal(PfProcess.Command(
            fixture.Kubeconfig, "pod/solo", ":7000", "--", "sh", "-c", "trap 'echo not yet' TERM; echo started; while :; do sleep 0.05; done")));
        await pf.OutputLineAsync(line => line == "started");

        pf.Signal(PfProcess.Terminate);
        await pf.OutputLineAsync(line => line == "not yet");
        long told = Stopwatch.GetTimestamp();
        await Waiting.UntilAsync(() => Stopwatch.GetElapsedTime(told) > TimeSpan.FromMilliseconds(600)); // What follows within half a second is the same request.
        pf.Signal(PfProcess.Terminate);

        (await pf.ExitAsync()).Should().Be(137);
    }

    [TerminalFact]
    public async Task What_the_terminal_has_delivered_is_not_passed_on_again()
    {
        string flag = fixture.PathOf("interrupted-enough");
        await using var terminal = TerminalSession.Start(PfProcess.Command(fixture.Kubeconfig, "pod/solo", ":7000", "--", "sh", "-c",
            $"trap 'echo got INT' INT; trap 'echo got QUIT' QUIT; echo started; while [ ! -e {flag} ]; do sleep 0.05; done; exit 7"));
        await terminal.ShowsAsync("started");

        await terminal.TypeAsync(TerminalSession.CtrlC);
        await terminal.ShowsAsync("got INT");
        await terminal.TypeAsync(TerminalSession.CtrlBackslash);
        await terminal.ShowsAsync("got QUIT");
        await File.WriteAllTextAsync(flag, "");

        (await terminal.ExitAsync()).Should().Be(7);
        terminal.Screen.Split("got ").Should().HaveCount(3);
    }

    [TerminalDatabaseFact]
    public async Task In_psql_Ctrl_C_cancels_the_query_and_not_the_forward()
    {
        await using Databases databases = await Databases.StartAsync(fixture.Cluster);
        await using var terminal = TerminalSession.Start(PfProcess.Command(
            fixture.Kubeconfig, "db=svc/postgres", ":5432", "--", "psql", "-X", "-P", "pager=off", "-h", "{{db.host}}", "-p", "{{db.port}}", "-U", "postgres"));
        await terminal.ShowsAsync("postgres=#");

        await terminal.TypeAsync("do $$ begin raise notice 'asleep'; perform pg_sleep(300); end $$;\n");
        await terminal.ShowsAsync("NOTICE:  asleep");
        await terminal.TypeAsync(TerminalSession.CtrlC);
        await terminal.ShowsAsync("canceling statement due to user request");
        await terminal.TypeAsync("select 'still ' || 'here';\n");
        await terminal.ShowsAsync("still here");
        await terminal.TypeAsync("\\q\n");

        (await terminal.ExitAsync()).Should().Be(0);
    }

    [UnixFact]
    public async Task A_signal_before_the_start_is_no_success()
    {
        fixture.Cluster.Pods.Add(TestPod.Probe("pending").Phase("Pending"));
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "--verbose", "pod/pending", ":7000", "--", "true");
        await pf.ErrorLineAsync(line => line.Contains("waiting for pod pending", StringComparison.Ordinal));

        pf.Signal(PfProcess.Terminate);

        (await pf.ExitAsync()).Should().Be(143);
    }

    [UnixFact]
    public async Task A_target_that_is_lost_for_good_is_told_and_the_command_goes_on()
    {
        TestPod pod = fixture.Cluster.Pods.Add(TestPod.Probe("brief"));
        string flag = fixture.PathOf("go-on");
        await using PfProcess pf = PfProcess.Start(
            fixture.Kubeconfig, "--reconnect-timeout", "0s", "pod/brief", ":7000", "--", "sh", "-c", $"echo started; while [ ! -e {flag} ]; do sleep 0.05; done; exit 7");
        await pf.OutputLineAsync(line => line == "started");

        pod.Delete();
        fixture.Cluster.Tunnels.CutAll();
        await pf.ErrorLineAsync(line => line.StartsWith("error: ", StringComparison.Ordinal));
        await File.WriteAllTextAsync(flag, "");

        (await pf.ExitAsync()).Should().Be(7);
    }

    private Task<PfProcess> RunAsync(params string[] arguments) => PfProcess.RunAsync(fixture.Kubeconfig, arguments);

    /// <summary>Starts a command in a session of its own, without a terminal.</summary>
    private static ProcessStartInfo WithoutTerminal(ProcessStartInfo command)
    {
        command.ArgumentList.Insert(0, command.FileName);
        command.FileName = "setsid";
        return command;
    }
}
