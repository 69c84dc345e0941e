using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Tests.Transport;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Authentication;

/// <summary>The plug-ins are scripts for a POSIX shell.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class ExecPluginTests : IDisposable
{
    private const string Secret = "s3cr3t-t0ken";

    private readonly PluginFolder _plugins = new();

    [Fact]
    public async Task It_runs_at_the_first_request_and_not_again()
    {
        ICredentialSource credentials = _plugins.Script($"{_plugins.CountRun}\n{PluginFolder.PrintToken("a")}");
        _plugins.Runs.Should().Be(0, "nobody has asked yet");

        (await AuthorizationAsync(credentials)).Should().Be("Bearer a");
        _plugins.Time.Advance(TimeSpan.FromDays(365));
        (await AuthorizationAsync(credentials)).Should().Be("Bearer a");

        _plugins.Runs.Should().Be(1);
    }

    [Fact]
    public async Task Arguments_arrive_as_they_are()
    {
        string[] arguments = ["plain", "", "two words", "\"quoted\"", "it's", "back\\slash\\", "$HOME `id` *", "line\nbreak", "--flag=a b", "ünï"];
        string got = _plugins.Folder["arguments"];

        await AuthorizationAsync(_plugins.Script($"printf '<%s>' \"$@\" > '{got}'\n{PluginFolder.PrintToken("a")}", arguments));

        File.ReadAllText(got).Should().Be(string.Concat(arguments.Select(argument => $"<{argument}>")));
    }

    [Fact]
    public async Task Its_variables_are_added_to_the_programs_own()
    {
        string got = _plugins.Folder["variables"];
        string script = $"printf '<%s>' \"$ONE\" \"$EMPTY\" \"${{EMPTY-unset}}\" > '{got}'\ntest -n \"$PATH\" || exit 9\ntest \"$KUBERNETES_EXEC_INFO\" != mine || exit 8\n{PluginFolder.PrintToken("a")}";

        await AuthorizationAsync(_plugins.Script(script, exec: ", interactiveMode: Never, env: [{name: ONE, value: 'a b'}, {name: EMPTY, value: ''}, {name: KUBERNETES_EXEC_INFO, value: mine}]"));

        File.ReadAllText(got).Should().Be("<a b><><>");
    }

    [Fact]
    public async Task A_NUL_in_an_argument_is_refused_and_not_cut_off()
    {
        (await FailureAsync(_plugins.Script("true", exec: ", interactiveMode: Never, env: [{name: A, value: \"x\\0y\"}]"))).Should()
            .Be("Unable to connect to the server: getting credentials: exec: an argument or a variable for /bin/sh contains a NUL character: remove it from user \"u\" in the kubeconfig");
    }

    [Fact]
    public async Task A_relative_command_is_meant_from_the_kubeconfigs_folder()
    {
        Directory.CreateDirectory(_plugins.Folder["bin"]);
        File.CreateSymbolicLink(_plugins.Folder["bin/plugin"], "/bin/sh");
        string script = _plugins.Folder.Write("script", PluginFolder.PrintToken("relative"));

        (await AuthorizationAsync(Named("./bin/plugin", script))).Should().Be("Bearer relative");
        (await AuthorizationAsync(Named("bin/plugin", script))).Should().Be("Bearer relative");
        (await FailureAsync(Named("plugin", script))).Should().Contain("exec: executable plugin not found");
        _plugins.Folder.Set("PATH", $":.:bin:{_plugins.Folder["bin"]}");
        (await AuthorizationAsync(Named("plugin", script))).Should().Be("Bearer relative");
    }

    [Fact]
    public async Task Relative_folders_in_PATH_do_not_count()
    {
        string here = Path.GetRelativePath(Environment.CurrentDirectory, _plugins.Folder.Path);
        File.CreateSymbolicLink(_plugins.Folder["plugin"], "/bin/sh");
        string script = _plugins.Folder.Write("script", PluginFolder.PrintToken("a"));
        _plugins.Folder.Set("PATH", here);

        (await FailureAsync(Named("plugin", script))).Should().Contain("exec: executable plugin not found");
    }

    [Fact]
    public async Task A_command_that_is_missing_is_told_with_the_hint()
    {
        const string Hint = ", installHint: \"Get it with\\n  brew install it\\e[2J\\nor so.\"";

        (await FailureAsync(Named("no-such-plugin", "x", Hint))).Should().Be(
            "Unable to connect to the server: getting credentials: exec: executable no-such-plugin not found: install this credential plug-in, which user \"u\" in the kubeconfig uses: Get it with brew install it [2J or so.");
        (await FailureAsync(Named("./gone", "x"))).Should().Contain($"exec: executable {_plugins.Folder["gone"]} not found").And.NotContain("\n");
        (await FailureAsync(Named(_plugins.Folder.Path, "x"))).Should().Contain("not found", "a folder is no program");
        (await FailureAsync(Named(_plugins.Folder.Write("text", "no program"), "x"))).Should().Contain("not found", "it may not be executed");
    }

    [Fact]
    public async Task A_program_that_cannot_be_started_is_told()
    {
        string broken = _plugins.Folder.Write("broken", "\u007fELF nonsense");
        File.SetUnixFileMode(broken, UnixFileMode.UserRead | UnixFileMode.UserExecute);

        (await FailureAsync(Named(broken, "x"))).Should().StartWith($"Unable to connect to the server: getting credentials: exec: {broken} could not be started: ");
    }

    [Theory]
    [InlineData("Never", true, false)]
    [InlineData("Never", false, false)]
    [InlineData("IfAvailable", true, true)]
    [InlineData("IfAvailable", false, false)]
    [InlineData("Always", true, true)]
    public async Task The_terminals_input_is_handed_on_only_if_both_sides_want_it(string mode, bool isTerminal, bool expected)
    {
        using var plugins = new PluginFolder { IsTerminal = isTerminal };
        string read = expected ? "" : "cat > " + plugins.Folder["input"];
        string script = $"readlink /proc/$$/fd/0 > '{plugins.Folder["stdin"]}'\n{read}\nprintf %s \"$KUBERNETES_EXEC_INFO\" > '{plugins.Folder["info"]}'\n{PluginFolder.PrintToken("a")}";

        await AuthorizationAsync(plugins.Script(script, exec: $", interactiveMode: {mode}"));

        plugins.Read("info").Should().Be("{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"spec\":{\"interactive\":" + (expected ? "true}}" : "false}}"));
        if (!expected)
        {
            plugins.Read("input").Should().BeEmpty("its input has ended");
        }

        if (OperatingSystem.IsLinux())
        {
            string own = new FileInfo("/proc/self/fd/0").LinkTarget!;
            plugins.Read("stdin").TrimEnd().Equals(own, StringComparison.Ordinal).Should().Be(expected, "the input is inherited or not");
        }
    }

    [Fact]
    public async Task Without_a_terminal_a_plug_in_that_needs_one_is_not_run()
    {
        ICredentialSource credentials = _plugins.Script(_plugins.CountRun, exec: ", interactiveMode: Always");

        (await FailureAsync(credentials)).Should().Be("Unable to connect to the server: getting credentials: exec plugin cannot support interactive mode: standard input is not a terminal");
        _plugins.Runs.Should().Be(0);
    }

    [Fact]
    public async Task The_older_version_is_spoken_too_and_its_mode_may_be_left_out()
    {
        const string V1Beta1 = "client.authentication.k8s.io/v1beta1";
        string script = $"printf %s \"$KUBERNETES_EXEC_INFO\" > '{_plugins.Folder["info"]}'\n{PluginFolder.Print(PluginFolder.Answer("{\"token\":\"b\"}", V1Beta1))}";

        (await AuthorizationAsync(_plugins.Script(script, exec: "", apiVersion: V1Beta1))).Should().Be("Bearer b");

        _plugins.Read("info").Should().Be($$$"""{"kind":"ExecCredential","apiVersion":"{{{V1Beta1}}}","spec":{"interactive":false}}""");
    }

    [Fact]
    public async Task The_cluster_is_told_when_the_plug_in_wants_to_know()
    {
        using var root = new TestAuthority();
        string authority = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(root.Pem));
        string script = $"printf %s \"$KUBERNETES_EXEC_INFO\" > '{_plugins.Folder["info"]}'\n{PluginFolder.PrintToken("a")}";
        string cluster = $$"""
            , certificate-authority-data: {{authority}}, tls-server-name: inner.test, proxy-url: 'http://proxy.test:3128', disable-compression: true,
                extensions: [{name: other, extension: {no: no} }, {name: client.authentication.k8s.io/exec, extension: {audience: a<b>, n: 3, deep: [true, null, 'true', 1.5]} }]
            """;

        await AuthorizationAsync(_plugins.Script(script, exec: ", interactiveMode: Never, provideClusterInfo: true", cluster: cluster));

        _plugins.Read("info").Should().Be(
            $$$$"""{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"https://c.test:6443/prefix","tls-server-name":"inner.test","certificate-authority-data":"{{{{authority}}}}","proxy-url":"http://proxy.test:3128","disable-compression":true,"config":{"audience":"a<b>","n":3,"deep":[true,null,"true",1.5]}},"interactive":false}}""");
    }

    [Fact]
    public async Task A_cluster_without_anything_special_is_told_in_short()
    {
        string script = $"printf %s \"$KUBERNETES_EXEC_INFO\" > '{_plugins.Folder["info"]}'\n{PluginFolder.PrintToken("a")}";

        await AuthorizationAsync(_plugins.Script(script, exec: ", interactiveMode: Never, provideClusterInfo: true", cluster: ", insecure-skip-tls-verify: true"));

        _plugins.Read("info").Should().Be(
            """{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"https://c.test:6443/prefix","insecure-skip-tls-verify":true,"config":null},"interactive":false}}""");
    }

    [Theory]
    [InlineData("https://c.test/prefix/?a=b#c", "https://c.test/prefix/")]
    [InlineData("https://C.test:443", "https://C.test:443")]
    [InlineData("https://c.test/", "https://c.test/")]
    public async Task The_servers_address_is_told_as_it_was_given(string server, string expected)
    {
        string script = $"printf %s \"$KUBERNETES_EXEC_INFO\" > '{_plugins.Folder["info"]}'\n{PluginFolder.PrintToken("a")}";

        await AuthorizationAsync(_plugins.Script(script, exec: ", interactiveMode: Never, provideClusterInfo: true", server: server));

        _plugins.Read("info").Should().Contain($"\"server\":\"{expected}\",");
    }

    [Fact]
    public async Task When_the_credentials_have_expired_it_runs_again()
    {
        DateTimeOffset expiry = _plugins.Time.GetUtcNow().AddMinutes(10);
        ICredentialSource credentials = _plugins.Script(
            $"{_plugins.CountRun}\nn=$(wc -l < '{_plugins.Folder["runs"]}' | tr -d ' ')\nprintf '{{\"kind\":\"ExecCredential\",\"apiVersion\":\"{PluginFolder.V1}\",\"status\":{{\"token\":\"t%s\",\"expirationTimestamp\":\"{expiry:yyyy-MM-ddTHH:mm:ssZ}\"}}}}' \"$n\"");

        (await AuthorizationAsync(credentials)).Should().Be("Bearer t1");
        _plugins.Time.Advance(TimeSpan.FromMinutes(10));
        (await AuthorizationAsync(credentials)).Should().Be("Bearer t1", "it is valid to the last moment");
        _plugins.Time.Advance(TimeSpan.FromSeconds(1));
        (await AuthorizationAsync(credentials)).Should().Be("Bearer t2");
        (await AuthorizationAsync(credentials)).Should().Be("Bearer t2", "what it handed out has expired already, but the server may take it");
        _plugins.Time.Advance(TimeSpan.FromSeconds(11));
        (await AuthorizationAsync(credentials)).Should().Be("Bearer t3");
        _plugins.Time.Advance(TimeSpan.FromSeconds(11));
        (await AuthorizationAsync(credentials)).Should().Be("Bearer t3", "it is asked ever more seldom");
    }

    [Fact]
    public async Task After_a_refusal_it_runs_once_however_many_requests_were_refused()
    {
        ICredentialSource credentials = _plugins.Script(
            $"{_plugins.CountRun}\nn=$(wc -l < '{_plugins.Folder["runs"]}' | tr -d ' ')\nprintf '{{\"kind\":\"ExecCredential\",\"apiVersion\":\"{PluginFolder.V1}\",\"status\":{{\"token\":\"t%s\"}}}}' \"$n\"");

        Credential[] first = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(async () => await credentials.GetAsync(default))));
        first.Should().OnlyContain(one => one.Authorization == "Bearer t1");
        Credential[] second = await Task.WhenAll(first.Select(refused => Task.Run(async () =>
        {
            credentials.Discard(refused).Should().BeTrue();
            return await credentials.GetAsync(default);
        })));

        second.Should().OnlyContain(one => one.Authorization == "Bearer t2");
        _plugins.Runs.Should().Be(2);
    }

    [Fact]
    public async Task A_run_that_fails_is_tried_again_after_10_seconds()
    {
        ICredentialSource credentials = _plugins.Script($"test -e '{_plugins.Folder["ready"]}' || exit 3\n{PluginFolder.PrintToken("a")}");

        (await FailureAsync(credentials)).Should().Be("Unable to connect to the server: getting credentials: exec: executable /bin/sh failed with exit code 3");
        _plugins.Folder.Write("ready", "");
        _plugins.Time.Advance(TimeSpan.FromSeconds(9.9));
        (await FailureAsync(credentials)).Should().EndWith("failed with exit code 3");
        _plugins.Time.Advance(TimeSpan.FromSeconds(0.1));
        (await AuthorizationAsync(credentials)).Should().Be("Bearer a");
    }

    [Theory]
    [InlineData(false, 11)]
    [InlineData(true, 1)]
    public async Task In_an_idle_hour_a_login_that_has_expired_is_tried_a_few_times_and_with_a_terminal_once(bool isTerminal, int expected)
    {
        using var plugins = new PluginFolder { IsTerminal = isTerminal };
        ICredentialSource credentials = plugins.Script($"{plugins.CountRun}\nexit 1", exec: ", interactiveMode: IfAvailable");

        for (int second = 0; second < 3600; second += 5)
        {
            await FailureAsync(credentials);
            plugins.Time.Advance(TimeSpan.FromSeconds(5));
        }

        plugins.Runs.Should().Be(expected);
    }

    [Theory]
    [InlineData("Never", 11 + 10)]
    [InlineData("IfAvailable", 1 + 10)]
    public async Task A_client_that_waits_causes_one_try_in_30_seconds(string mode, int expected)
    {
        using var plugins = new PluginFolder { IsTerminal = true };
        string script = plugins.Folder.Write("script", $"{plugins.CountRun}\nexit 1");
        ServerAccess access = plugins.Configuration($"{{exec: {{apiVersion: {PluginFolder.V1}, command: /bin/sh, args: ['{script}'], interactiveMode: {mode}}}}}").Access;
        for (int second = 0; second < 3600; second += 5)
        {
            await FailureAsync(access.Credentials);
            plugins.Time.Advance(TimeSpan.FromSeconds(5));
        }

        await using ITunnelSource source = access.Clients.Count(new NeverOpens());
        using var leaves = new CancellationTokenSource();
        Func<Task> waiting = async () => await source.OpenPairAsync(new PairRequest(80, default), leaves.Token);
        Task waits = waiting.Should().ThrowAsync<OperationCanceledException>();
        for (int second = 0; second < 300; second += 5)
        {
            await FailureAsync(access.Credentials);
            plugins.Time.Advance(TimeSpan.FromSeconds(5));
        }

        await leaves.CancelAsync();
        await waits;
        plugins.Runs.Should().Be(expected);
        plugins.Time.Advance(TimeSpan.FromSeconds(60));
        await FailureAsync(access.Credentials);
        plugins.Runs.Should().Be(expected, "the client has gone");
    }

    [Fact]
    public async Task An_answer_that_was_nonsense_is_asked_for_again_after_10_seconds()
    {
        ICredentialSource credentials = _plugins.Script($"test -e '{_plugins.Folder["ready"]}' || {{ echo nonsense; exit; }}\n{PluginFolder.PrintToken("a")}");

        (await FailureAsync(credentials)).Should().Be("Unable to connect to the server: getting credentials: decoding stdout: it is no ExecCredential: check what /bin/sh writes");
        _plugins.Folder.Write("ready", "");
        _plugins.Time.Advance(TimeSpan.FromSeconds(10));
        (await AuthorizationAsync(credentials)).Should().Be("Bearer a");
    }

    [Fact]
    public async Task A_client_certificate_is_used_and_stays_the_same_object_while_it_is_the_same()
    {
        using var root = new TestAuthority();
        (string certificate, string key) = root.IssueClient("jane");
        string status = PluginFolder.CertificateStatus(certificate, key, "t");
        ICredentialSource credentials = _plugins.Script($"cat '{_plugins.Folder.Write("answer", PluginFolder.Answer(status))}'");

        Credential first = await credentials.GetAsync(default);
        _plugins.Time.Advance(TimeSpan.FromMinutes(1));
        credentials.Discard(first);
        Credential second = await credentials.GetAsync(default);
        _plugins.Time.Advance(TimeSpan.FromMinutes(1));
        (string other, string otherKey) = root.IssueClient("jane");
        _plugins.Folder.Write("answer", PluginFolder.Answer(PluginFolder.CertificateStatus(other, otherKey)));
        credentials.Discard(second);
        Credential third = await credentials.GetAsync(default);

        first.Authorization.Should().Be("Bearer t");
        first.Certificate!.Context.TargetCertificate.Subject.Should().Be("CN=jane");
        second.Certificate.Should().BeSameAs(first.Certificate);
        third.Certificate.Should().NotBeSameAs(first.Certificate);
        third.Authorization.Should().BeNull();
    }

    [Fact]
    public async Task A_large_answer_is_read_whole()
    {
        string token = new('x', 200_000);
        string answer = _plugins.Folder.Write("answer", PluginFolder.Answer($"{{\"token\":\"{token}\"}}"));

        (await AuthorizationAsync(_plugins.Script($"cat '{answer}'"))).Should().Be($"Bearer {token}");
    }

    [Fact]
    public async Task An_answer_without_end_is_refused_and_its_writer_ended()
    {
        ICredentialSource credentials = _plugins.Script($"echo $$ > '{_plugins.Folder["pid"]}'\nexec yes {Secret}");

        (await FailureAsync(credentials)).Should().Be("Unable to connect to the server: getting credentials: exec: /bin/sh wrote more than 16 MiB");
        await GoneAsync(_plugins.Read("pid"));
    }

    [Theory]
    [InlineData("", "decoding stdout: it is no ExecCredential")]
    [InlineData("just text s3cr3t-t0ken", "decoding stdout: it is no ExecCredential")]
    [InlineData("{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"s3cr3t-t0ken\"}", "decoding stdout: it is neither JSON nor YAML from line 2 on")]
    [InlineData("[s3cr3t-t0ken]", "decoding stdout: it is no ExecCredential")]
    [InlineData("{\"kind\":\"Secret\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"s3cr3t-t0ken\"}}", "decoding stdout: it is no ExecCredential")]
    [InlineData("{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"s3cr3t-t0ken\"}}", "decoding stdout: it is no ExecCredential")]
    [InlineData("{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"status\":{\"token\":\"s3cr3t-t0ken\"}}", "exec plugin is configured to use API version client.authentication.k8s.io/v1, plugin returned version client.authentication.k8s.io/v1beta1")]
    [InlineData("{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"s3cr3t-t0ken\"}}", "exec plugin is configured to use API version client.authentication.k8s.io/v1, plugin returned version \"\"")]
    [InlineData("{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\"}", "exec plugin didn't return a status field")]
    [InlineData("{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{}}", "exec plugin didn't return a token or cert/key pair")]
    [InlineData("{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"s3cr3t-t0ken\",\"clientKeyData\":\"s3cr3t-t0ken\"}}", "exec plugin returned only certificate or key, not both")]
    [InlineData("{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"clientCertificateData\":\"s3cr3t-t0ken\"}}", "exec plugin returned only certificate or key, not both")]
    [InlineData("{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"s3cr3t-t0ken\",\"expirationTimestamp\":\"tomorrow s3cr3t-t0ken\"}}", "decoding stdout: its expirationTimestamp is no time")]
    public async Task An_answer_that_makes_no_sense_is_told_without_repeating_it(string answer, string message) =>
        (await FailureAsync(_plugins.Script(PluginFolder.Print(answer)))).Should().Be($"Unable to connect to the server: getting credentials: {message}: check what /bin/sh writes");

    [Fact]
    public async Task A_certificate_or_a_token_that_cannot_be_used_is_told_without_repeating_it()
    {
        string broken = PluginFolder.Answer($"{{\"clientCertificateData\":\"{Secret}\",\"clientKeyData\":\"{Secret}\"}}");
        string twoLines = PluginFolder.Answer($"{{\"token\":\"{Secret}\\n{Secret}\"}}");

        (await FailureAsync(_plugins.Script(PluginFolder.Print(broken)))).Should().StartWith("the client certificate and key of user \"u\" cannot be used");
        (await FailureAsync(_plugins.Script(PluginFolder.Print(twoLines)))).Should().Be("the token of user \"u\" contains a line break or another control character: remove it");
    }

    [Theory]
    [InlineData("kind: ExecCredential\napiVersion: client.authentication.k8s.io/v1\nstatus:\n  token: yaml\n", "Bearer yaml")]
    [InlineData("{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"spec\":{\"interactive\":false},\"status\":{\"token\":\"t\",\"expirationTimestamp\":null,\"clientCertificateData\":\"\"}}", "Bearer t")]
    [InlineData("{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"t\",\"expirationTimestamp\":\"2040-01-01T00:00:00.123456789+02:00\"}}", "Bearer t")]
    public async Task What_client_go_reads_is_read(string answer, string authorization) =>
        (await AuthorizationAsync(_plugins.Script(PluginFolder.Print(answer)))).Should().Be(authorization);

    [Fact]
    public async Task What_it_leaves_running_does_not_hold_the_credentials_up()
    {
        string script = $"sleep 600 & echo $! > '{_plugins.Folder["pid"]}'\n{PluginFolder.PrintToken("a")}";
        ICredentialSource credentials = _plugins.Script(script);
        Task<string?> asking = AuthorizationAsync(credentials);
        try
        {
            (await _plugins.Time.AdvanceUntilAsync(asking, pause: TimeSpan.FromMilliseconds(20))).Should().Be("Bearer a");
        }
        finally
        {
            using var left = Process.GetProcessById(int.Parse(_plugins.Read("pid"), CultureInfo.InvariantCulture));
            left.Kill();
        }
    }

    [Fact]
    public async Task A_request_that_is_cancelled_leaves_the_run_to_the_others()
    {
        ICredentialSource credentials = _plugins.Script($"{_plugins.CountRun}\nwhile ! test -e '{_plugins.Folder["ready"]}'; do sleep 0.02; done\n{PluginFolder.PrintToken("a")}");
        using var cancelled = new CancellationTokenSource();
        Func<Task> impatient = async () => await credentials.GetAsync(cancelled.Token);
        Task<string?> patient = AuthorizationAsync(credentials);
        Task giving = impatient.Should().ThrowAsync<OperationCanceledException>();

        await cancelled.CancelAsync();
        await giving;
        _plugins.Folder.Write("ready", "");

        (await patient).Should().Be("Bearer a");
        _plugins.Runs.Should().Be(1);
    }

    [Fact]
    public async Task At_the_programs_end_a_run_is_ended_with_all_it_started()
    {
        ICredentialSource credentials = _plugins.Script($"sleep 600 &\necho $$ $! > '{_plugins.Folder["pid.tmp"]}'\nmv '{_plugins.Folder["pid.tmp"]}' '{_plugins.Folder["pid"]}'\nwait");
        Func<Task> asking = () => AuthorizationAsync(credentials);
        Task ended = asking.Should().ThrowAsync<OperationCanceledException>();
        await Waiting.UntilAsync(() => File.Exists(_plugins.Folder["pid"]));

        ((IDisposable)credentials).Dispose();
        ((IDisposable)credentials).Dispose();

        await ended;
        foreach (string pid in _plugins.Read("pid").Split())
        {
            await GoneAsync(pid);
        }

        await asking.Should().ThrowAsync<OperationCanceledException>("nothing is started any more");
    }

    public void Dispose() => _plugins.Dispose();

    private static async Task<string?> AuthorizationAsync(ICredentialSource credentials) => (await credentials.GetAsync(CancellationToken.None)).Authorization;

    private static async Task<string> FailureAsync(ICredentialSource credentials)
    {
        Func<Task> get = async () => await credentials.GetAsync(CancellationToken.None);
        ClusterException failure = (await get.Should().ThrowAsync<ClusterException>()).Which;
        for (Exception? cause = failure; cause is not null; cause = cause.InnerException)
        {
            cause.Message.Should().NotContain(Secret);
        }

        return failure.Message;
    }

    /// <summary>Waits until a process has gone; fails if it never does.</summary>
    private static async Task GoneAsync(string pid)
    {
        if (!int.TryParse(pid, CultureInfo.InvariantCulture, out int id))
        {
            return;
        }

        var clock = Stopwatch.StartNew();
        while (IsRunning(id))
        {
            clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(20), "process {0} is to be gone", id);
            await Task.Delay(10);
        }
    }

    /// <summary>Whether a process runs; one that only waits for its parent to notice its end does not.</summary>
    private static bool IsRunning(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            return !OperatingSystem.IsLinux() || !File.ReadAllText($"/proc/{id}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is ArgumentException or IOException)
        {
            return false;
        }
    }

    private sealed class NeverOpens : ITunnelSource
    {
        public int MaxInitialData => 0;

        public Task<TunnelFault> Completion { get; } = new TaskCompletionSource<TunnelFault>().Task;

        public Task<TunnelFault?> ConnectAsync(CancellationToken cancellationToken) => Task.FromResult<TunnelFault?>(null);

        public async ValueTask<Attempt<RoutedPair>> OpenPairAsync(PairRequest request, CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new InvalidOperationException();
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private ICredentialSource Named(string command, string script, string more = "") =>
        _plugins.Resolve($"{{exec: {{apiVersion: {PluginFolder.V1}, command: '{command}', args: ['{script}'], interactiveMode: Never{more}}}}}");
}
