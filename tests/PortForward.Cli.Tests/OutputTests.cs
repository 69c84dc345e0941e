using System.Diagnostics;
using System.Text.Json;
using PortForward.Cli.Tests.Support;
using PortForward.Testing;

namespace PortForward.Cli.Tests;

/// <summary>stdout for programs, and the ports file.</summary>
public sealed class OutputTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>
{
    private static readonly string[] Types = ["listening", "ready", "all-ready", "connection", "connection-closed", "lost", "back", "moved", "error", "end"];

    [UnixFact]
    public async Task Json_tells_of_each_forward_from_its_listeners_to_its_end()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "-o", "json", "--address", "127.0.0.1", "db=pod/solo", $":{ClusterFixture.Echo}", "svc/web", ":80");
        await pf.OutputLineAsync(line => line.Contains("\"all-ready\"", StringComparison.Ordinal));
        JsonElement listening = Parse(pf.Output[0]);
        using (Client client = await Client.ConnectAsync(listening.GetProperty("local").GetProperty("port").GetInt32()))
        {
            await client.SendAsync("hello");
            (await client.ReceiveAsync(5)).Should().Be("hello");
        }

        await pf.OutputLineAsync(line => line.Contains("\"connection-closed\"", StringComparison.Ordinal));
        pf.Signal(PfProcess.Terminate);
        (await pf.ExitAsync()).Should().Be(0);

        JsonElement[] events = [.. pf.Output.Select(Parse)];
        events.Select(Type).Take(5).Should().Equal("listening", "ready", "listening", "ready", "all-ready");
        events.Select(Type).Should().OnlyContain(type => Types.Contains(type)).And.EndWith("end");
        events.Where(one => Type(one) != "all-ready").Should().OnlyContain(one =>
            one.GetProperty("namespace").GetString() == "default" && one.GetProperty("target").GetString() != null && one.GetProperty("forward").GetString() != null);
        listening.GetProperty("remote").GetRawText().Should().Be($$"""{"port":{{ClusterFixture.Echo}},"name":"echo"}""");
        JsonElement closed = events.Single(one => Type(one) == "connection-closed");
        (closed.GetProperty("pod").GetString(), closed.GetProperty("bytesSent").GetInt64()).Should().Be(("solo", 5));
        events.Where(one => Type(one) == "end").Select(one => one.GetProperty("reason").GetString()).Should().Equal("stopped", "stopped");
        pf.Error.Should().BeEmpty();
        using JsonDocument schema = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "events.schema.json")));
        foreach (JsonElement told in events)
        {
            ShouldFollow(told, schema.RootElement);
        }
    }

    [UnixTheory]
    [InlineData("pod/solo :7000 svc/nope :80", "not-found", "Error from server (NotFound): services \"nope\" not found")]
    [InlineData("--ports-file /no/such/folder/ports pod/solo :7000", "run", "error: --ports-file /no/such/folder/ports cannot be written: there is no folder /no/such/folder (create it first)")]
    public async Task Json_tells_that_a_start_has_failed(string arguments, string reason, string message)
    {
        await using PfProcess pf = await PfProcess.RunAsync(fixture.Kubeconfig, ["-o", "json", .. arguments.Split(' ')]);

        (await pf.ExitAsync()).Should().Be(1);
        JsonElement last = Parse(pf.Output[^1]);
        (Type(last), last.GetProperty("reason").GetString()).Should().Be(("error", reason));
        pf.Output.Select(line => Type(Parse(line))).Should().NotContain("listening", "nothing is forwarded");
        last.GetProperty("message").GetString().Should().Match(message);
        using JsonDocument schema = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "events.schema.json")));
        pf.Output.Select(Parse).Should().AllSatisfy(told => ShouldFollow(told, schema.RootElement));
        pf.Error.Should().ContainSingle().Which.Should().Match(message);
    }

    [UnixFact]
    public async Task A_file_of_another_run_with_the_same_ports_stays()
    {
        string file = fixture.PathOf("shared.json");
        await using PfProcess first = PfProcess.Start(fixture.Kubeconfig, "--drain-timeout", "1m", "--address", "127.0.0.1", "--ports-file", file, "pod/solo", ":7000");
        int port = await first.LocalPortAsync(ClusterFixture.Echo);
        using Client open = await Client.ConnectAsync(port);
        await open.SendAsync("hello");
        (await open.ReceiveAsync(5)).Should().Be("hello");
        string text = await File.ReadAllTextAsync(file);
        first.Signal(PfProcess.Terminate);
        await Waiting.UntilAsync(() => !File.Exists(file));

        await File.WriteAllTextAsync(file, text);
        open.Dispose();

        (await first.ExitAsync()).Should().Be(0);
        File.Exists(file).Should().BeTrue();
    }

    [UnixFact]
    public async Task Nothing_is_told_as_ready_if_the_ports_file_cannot_be_written()
    {
        await using PfProcess pf = await PfProcess.RunAsync(fixture.Kubeconfig, "--ports-file", "/no/such/folder/ports", "pod/solo", ":7000");

        (await pf.ExitAsync()).Should().Be(1);
        pf.Output.Should().BeEmpty();
    }

    [Fact]
    public async Task Quiet_tells_of_no_connection()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "-q", "--address", "127.0.0.1", "pod/solo", $":{ClusterFixture.Http}");
        using var http = new HttpClient();
        await http.GetStringAsync(new Uri($"http://127.0.0.1:{await pf.LocalPortAsync(ClusterFixture.Http)}/"));

        pf.Output.Should().ContainSingle();
    }

    [UnixFact]
    public async Task The_ports_file_is_there_whole_once_all_are_ready_and_goes_with_the_run()
    {
        string file = fixture.PathOf("ports.json");
        await File.WriteAllTextAsync(file, "of an older run");
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "--ports-file", file, "db=pod/solo", ":echo", ":8080", "svc/web", ":80");
        await Waiting.UntilAsync(() => IsWritten(file));

        JsonElement forwards = Parse(await File.ReadAllTextAsync(file)).GetProperty("forwards");
        forwards.EnumerateObject().Select(one => one.Name).Should().Equal("db", "web");
        JsonElement db = forwards.GetProperty("db");
        db.GetProperty("target").GetString().Should().Be("pod/solo");
        db.GetProperty("host").GetString().Should().Be("127.0.0.1");
        db.GetProperty("ports")[0].GetProperty("name").GetString().Should().Be("echo");
        using (Client client = await Client.ConnectAsync(db.GetProperty("port").GetInt32()))
        {
            await client.SendAsync("hello");
            (await client.ReceiveAsync(5)).Should().Be("hello");
        }

        pf.Signal(PfProcess.Terminate);
        (await pf.ExitAsync()).Should().Be(0);
        File.Exists(file).Should().BeFalse();
        Directory.EnumerateFiles(Path.GetDirectoryName(file)!, "ports.json.?*").Should().BeEmpty();
    }

    [UnixFact]
    public async Task As_variables_a_shell_can_read_it()
    {
        string file = fixture.PathOf("ports.env");
        await using PfProcess pf = await PfProcess.RunAsync(
            fixture.Kubeconfig, "--ports-file", file, "--ports-file-format", "env", "db=pod/solo", ":echo", "--", "sh", "-c", $". {file}; test \"$PF_DB_ADDR\" = 127.0.0.1:{{{{db.port}}}} && echo same");

        (await pf.ExitAsync()).Should().Be(0);
        pf.Output.Should().Equal("same");
    }

    [UnixFact]
    public async Task A_run_that_is_ended_before_it_is_ready_tells_the_end_of_each_of_its_forwards()
    {
        fixture.Cluster.Pods.Add(TestPod.Probe("not-soon").Phase("Pending"));
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "-o", "json", "pod/not-soon", ":8080", "pod/solo", ":8080");
        await pf.ErrorLineAsync(static line => line.Contains("waiting for pod not-soon", StringComparison.Ordinal));

        pf.Signal(PfProcess.Interrupt);

        (await pf.ExitAsync()).Should().Be(0);
        pf.Output.Select(Parse).Select(end => $"{end.GetProperty("type")} {end.GetProperty("forward")} {end.GetProperty("reason")}")
            .Should().BeEquivalentTo("end not-soon stopped", "end solo stopped");
    }

    [UnixFact]
    public async Task A_shell_that_reads_it_runs_nothing_of_a_sockets_path()
    {
        string folder = fixture.PathOf("it's $(touch pwned) `touch pwned`;touch pwned");
        Directory.CreateDirectory(folder);
        string file = Path.Combine(folder, "ports.env"), socket = Path.Combine(folder, "s");
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "--ports-file", file, "--ports-file-format", "env", "db=pod/solo", $"unix:{socket}:7000");
        await pf.OutputLineAsync(static line => line.StartsWith("Forwarding from ", StringComparison.Ordinal));

        var start = new ProcessStartInfo("sh", ["-c", ". ./ports.env; printf %s \"$PF_DB_PATH\""]) { WorkingDirectory = folder, RedirectStandardOutput = true, UseShellExecute = false };
        using Process shell = Process.Start(start)!;

        (await shell.StandardOutput.ReadToEndAsync().Soon()).Should().Be(socket);
        File.Exists(Path.Combine(folder, "pwned")).Should().BeFalse();
    }

    [Fact]
    public async Task On_stdout_it_follows_the_lines()
    {
        await using PfProcess pf = PfProcess.Start(fixture.Kubeconfig, "--address", "127.0.0.1", "--ports-file", "-", "--ports-file-format", "env", "db=pod/solo", ":7000");

        await pf.OutputLineAsync(line => line.StartsWith("PF_DB_ECHO_PORT=", StringComparison.Ordinal));
        pf.Output.Should().Contain("PF_DB_HOST=127.0.0.1");
        pf.Output[0].Should().StartWith("Forwarding from");
    }

    [UnixTheory]
    [InlineData("-o yaml pod/solo 80", 1, "error: invalid argument \"yaml\" for \"-o, --output\" flag: text or json (see pf --help)")]
    [InlineData("--ports-file-format xml pod/solo 80", 1, "error: invalid argument \"xml\" for \"--ports-file-format\" flag: json or env (see pf --help)")]
    [InlineData("-o json pod/solo 80 -- true", 125, "error: -o json and a command do not go together: stdout is the command's (see pf --help)")]
    [InlineData("--ports-file - pod/solo 80 -- true", 125, "error: --ports-file - and a command do not go together: stdout is the command's (see pf --help)")]
    [InlineData("-o json --ports-file - pod/solo 80", 1, "error: -o json and --ports-file - do not go together: both write to stdout (see pf --help)")]
    [InlineData("--ports-file /dev/null pod/solo :7000 -- true", 125, "error: --ports-file /dev/null is no regular file, and is left as it is (- is stdout)")]
    [InlineData("--ports-file /proc/version pod/solo :7000", 1, "error: --ports-file /proc/version *: *")]
    [InlineData("--ports-file /etc/passwd/ports pod/solo :7000", 1, "error: --ports-file /etc/passwd/ports cannot be written: /etc/passwd is no folder")]
    [InlineData("svc/web -- :80 svc/nothing :80", 1, "Error from server (NotFound): services \"nothing\" not found")]
    [InlineData("--ports-file /dev/stdout pod/solo :7000", 1, "error: --ports-file /dev/stdout is no regular file, and is left as it is (- is stdout)")]
    [InlineData("-n default solo -- http", 1, "error: Pod 'solo' does not have a named port 'http' (words behind -- are ports if none stands before it; a command needs one, as in pf svc/web :80 -- make test)")]
    [InlineData("svc/web -- sh -c true", 1, "error: \"-c\" behind -- is no port, and nothing is a command there without a port before it, as in pf svc/web :80 -- make test (see pf --help)")]
    [InlineData("svc/web -- 81", 1, "error: Service web does not have a service port 81")]
    [InlineData("svc/web :80 --ports-file-format env", 1, "error: --ports-file-format goes with --ports-file FILE (see pf --help)")]
    [InlineData("--ports-file /no/such/folder/ports pod/solo :7000 -- true", 125, "error: --ports-file /no/such/folder/ports cannot be written: there is no folder /no/such/folder (create it first)")]
    public async Task What_cannot_be_written_is_told(string arguments, int exitCode, string error)
    {
        await using PfProcess pf = await PfProcess.RunAsync(fixture.Kubeconfig, arguments.Split(' '));

        (await pf.ExitAsync()).Should().Be(exitCode);
        pf.Error.Should().ContainSingle().Which.Should().Match(error);
    }

    /// <summary>Whether a run has written its file; it removes an older one at any moment before.</summary>
    private static bool IsWritten(string file)
    {
        try
        {
            return File.ReadAllText(file).StartsWith('{');
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static JsonElement Parse(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    /// <summary>Checks what the schema uses: required and known fields, one of several forms, their types, ranges and lists.</summary>
    private static void ShouldFollow(JsonElement value, JsonElement schema)
    {
        JsonValueKind[] kinds = schema.GetProperty("type").GetString() switch
        {
            "object" => [JsonValueKind.Object],
            "string" => [JsonValueKind.String],
            "integer" or "number" => [JsonValueKind.Number],
            var other => throw new NotSupportedException(other),
        };
        kinds.Should().Contain(value.ValueKind, "{0}", value);
        if (schema.TryGetProperty("enum", out JsonElement list))
        {
            list.EnumerateArray().Select(one => one.GetString()).Should().Contain(value.GetString());
        }

        if (schema.TryGetProperty("minimum", out JsonElement least))
        {
            value.GetDouble().Should().BeGreaterThanOrEqualTo(least.GetDouble());
        }

        if (value.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        if (schema.TryGetProperty("oneOf", out JsonElement forms))
        {
            forms.EnumerateArray().Count(form => form.GetProperty("required").EnumerateArray().All(field => value.TryGetProperty(field.GetString()!, out _)))
                .Should().Be(1, "{0} has one of the forms", value);
        }

        foreach (JsonElement required in schema.TryGetProperty("required", out JsonElement fields) ? fields.EnumerateArray() : default)
        {
            value.TryGetProperty(required.GetString()!, out _).Should().BeTrue("{0} is required in {1}", required, value);
        }

        foreach (JsonProperty field in value.EnumerateObject())
        {
            schema.GetProperty("properties").TryGetProperty(field.Name, out JsonElement known).Should().BeTrue("{0} is in the schema", field.Name);
            ShouldFollow(field.Value, known);
        }
    }

    private static string? Type(JsonElement told) => told.GetProperty("type").GetString();
}
