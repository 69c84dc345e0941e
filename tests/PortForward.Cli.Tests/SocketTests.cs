using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using PortForward.Cli.Tests.Support;

namespace PortForward.Cli.Tests;

/// <summary>Socket files: <c>pf TARGET unix:PATH:PORT</c>.</summary>
public sealed class SocketTests : IClassFixture<ClusterFixture>, IDisposable
{
    private readonly ClusterFixture _fixture;
    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public SocketTests(ClusterFixture fixture)
    {
        _fixture = fixture;
        _path = _folder["web.sock"];
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Connections_are_served_and_the_lines_name_the_path()
    {
        await using PfProcess pf = Start("svc/web", $"unix:{_path}:http");
        await pf.OutputLineAsync(line => line == $"Forwarding from unix:{_path} -> 8080");

        (await GetAsync(_path)).Should().StartWith("HTTP/1.1 200 OK");

        await pf.OutputLineAsync(line => line == $"Handling connection for unix:{_path}");
        pf.Error.Should().BeEmpty();
    }

    [UnixTheory]
    [InlineData(PfProcess.Interrupt)]
    [InlineData(PfProcess.Terminate)]
    [InlineData(PfProcess.Hangup)]
    public async Task The_file_goes_with_the_run(int signal)
    {
        await using PfProcess pf = Start("pod/solo", $"unix:{_path}:7000");
        await pf.OutputLineAsync(line => line.StartsWith("Forwarding from", StringComparison.Ordinal));
        (OperatingSystem.IsWindows() ? UnixFileMode.None : File.GetUnixFileMode(_path)).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);

        pf.Signal(signal);

        (await pf.ExitAsync()).Should().Be(0);
        Directory.GetFileSystemEntries(_folder.Path).Should().BeEmpty();
    }

    [UnixFact]
    public async Task One_that_a_killed_run_has_left_is_replaced_and_one_in_use_is_respected()
    {
        await using (PfProcess killed = Start("pod/solo", $"unix:{_path}:7000"))
        {
            await killed.OutputLineAsync(line => line.StartsWith("Forwarding from", StringComparison.Ordinal));
        }

        Directory.GetFileSystemEntries(_folder.Path).Should().Equal(_path);
        await using PfProcess first = Start("pod/solo", $"unix:{_path}:8080");
        await first.OutputLineAsync(line => line.StartsWith("Forwarding from", StringComparison.Ordinal));

        await using PfProcess second = Start("pod/solo", $"unix:{_path}:8080");

        (await second.ExitAsync()).Should().Be(1);
        second.Error.Should().Equal(
            $"Unable to listen on unix:{_path}: it is in use by another program (choose another path)",
            $"error: unable to listen on any of the requested ports: [{{unix:{_path} 8080}}]");
        (await GetAsync(_path)).Should().StartWith("HTTP/1.1 200 OK");
    }

    [UnixFact]
    public async Task Of_several_runs_that_want_it_at_the_same_moment_exactly_one_gets_it()
    {
        PfProcess[] all = [.. Enumerable.Range(0, 4).Select(_ => Start("pod/solo", $"unix:{_path}:8080"))];
        try
        {
            await Waiting.UntilAsync(() => all.Count(pf => pf.Error.Count > 0) == 3 && all.Count(pf => pf.Output.Count > 0) == 1);

            (await GetAsync(_path)).Should().StartWith("HTTP/1.1 200 OK");
        }
        finally
        {
            foreach (PfProcess pf in all)
            {
                await pf.DisposeAsync();
            }
        }
    }

    [UnixFact]
    public async Task What_is_no_socket_stays()
    {
        await File.WriteAllTextAsync(_path, "precious");
        await using PfProcess pf = Start("pod/solo", $"unix:{_path}:8080", ":7000", "--", "true");

        (await pf.ExitAsync()).Should().Be(125);
        pf.Error.Should().Equal(
            $"Unable to listen on unix:{_path}: a file of that name is there, and is no socket (choose another path)",
            "error: nothing is forwarded, since not all ports can be had");
        (await File.ReadAllTextAsync(_path)).Should().Be("precious");
    }

    [UnixFact]
    public async Task A_command_is_told_where_it_is()
    {
        string path = _folder[".s.PGSQL.5433"];
        await using PfProcess pf = Start("db=svc/web", $"unix:{path}:http", "--", "sh", "-c",
            "env | grep -E '^(PF_DB|WEB_SERVICE)' | sort; echo {{db.path}} {{db.80.path}} {{db.http.path}} {{db.host}} {{db.port}} {{db.addr}}");

        (await pf.ExitAsync()).Should().Be(0);
        pf.Error.Should().BeEmpty();
        string[] fields = [$"ADDR=unix:{path}", $"HOST={_folder.Path}", $"PATH={path}", "PORT=5433"];
        pf.Output.Should().BeEquivalentTo(
            [.. ((string[])["PF_DB_80", "PF_DB", "PF_DB_HTTP"]).SelectMany(prefix => fields.Select(field => $"{prefix}_{field}")),
            $"{path} {path} {path} {_folder.Path} 5433 unix:{path}"]);
    }

    [UnixFact]
    public async Task The_fields_there_are_are_named()
    {
        await using PfProcess pf = Start("db=svc/web", $"unix:{_path}:80", "--", "echo", "{{db.80.pat}}");

        (await pf.ExitAsync()).Should().Be(125);
        pf.Error.Should().Equal("error: {{db.80.pat}}: the forward db has no 80.pat: did you mean {{db.80.path}}? (--no-templates passes it on as it is)");
    }

    [UnixFact]
    public async Task The_ports_file_and_the_events_have_its_path()
    {
        string file = _folder["ports.json"];
        await using PfProcess pf = Start("-o", "json", "--ports-file", file, "svc/web", $"unix:{_path}:80");
        string listening = await pf.OutputLineAsync(line => line.Contains("\"listening\"", StringComparison.Ordinal));
        await pf.OutputLineAsync(line => line.Contains("\"all-ready\"", StringComparison.Ordinal));
        await Waiting.UntilAsync(() => File.Exists(file));

        JsonElement local = JsonDocument.Parse(listening).RootElement.GetProperty("local");
        local.EnumerateObject().Select(field => field.Name).Should().Equal("path");
        local.GetProperty("path").GetString().Should().Be(_path);
        JsonElement forward = JsonDocument.Parse(await File.ReadAllTextAsync(file)).RootElement.GetProperty("forwards").GetProperty("web");
        (forward.GetProperty("host").GetString(), forward.GetProperty("port").GetInt32(), forward.GetProperty("path").GetString()).Should().Be((_folder.Path, 80, _path));
        forward.GetProperty("ports")[0].EnumerateObject().Select(field => field.Name).Should().Equal("remote", "name", "path");
    }

    private PfProcess Start(params string[] arguments) => PfProcess.Start(_fixture.Kubeconfig, arguments);

    private static async Task<string> GetAsync(string path)
    {
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(new UnixDomainSocketEndPoint(path)).Soon();
        await client.SendAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.0\r\n\r\n"));
        byte[] answer = new byte[4096];
        return Encoding.ASCII.GetString(answer, 0, await client.ReceiveAsync(answer.AsMemory()).Soon());
    }
}
