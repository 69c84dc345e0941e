using System.Diagnostics;
using PortForward.Cli.Tests.Support;

namespace PortForward.Cli.Tests.Files;

/// <summary>What a file does that has come with a clone and that nobody has named: each attempt is refused in one line, soon, and nothing is started.</summary>
public sealed class HostileCloneTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>, IDisposable
{
    private const string Start = "version: 1\nforwards:\n  db: { target: svc/web, ports: [\":80\"] }\n";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [UnixTheory]
    [InlineData(Start + "context: prod\n", ":4:10: only a file named with -f may use another context than the current one, test; --context prod uses it for this run")]
    [InlineData(Start + "address: 0.0.0.0\n", ":4:10: only a file named with -f may listen on 0.0.0.0, where other machines may reach it")]
    [InlineData("version: 1\nforwards:\n  db: { target: svc/web, ports: [\"0.0.0.0:8080:80\"] }\n", ":3:34: only a file named with -f may listen on 0.0.0.0, where other machines may reach it")]
    [InlineData("version: 1\nforwards:\n  db: { target: svc/web, ports: [\"unix:/tmp/db.sock:80\"] }\n", ":3:34: only a file named with -f may have a socket outside of its own folder, as /tmp/db.sock is")]
    [InlineData("version: 1\nforwards:\n  db: { target: svc/web, ports: [\"unix:../db.sock:80\"] }\n", ":3:34: only a file named with -f may have a socket outside of its own folder, as */db.sock is")]
    [InlineData(Start + "env: { LD_PRELOAD: ./evil.so }\n", ":4:8: only a file named with -f may set LD_PRELOAD, which decides what programs load, run or trust")]
    [InlineData(Start + "env: { PATH: ./bin }\n", ":4:8: only a file named with -f may set PATH, which decides what programs load, run or trust")]
    [InlineData(Start + "kubeconfig: ./evil\n", ":4:1: unknown key kubeconfig: no file says how to reach a cluster; use the flag --kubeconfig")]
    [InlineData(Start + "command: [./evil]\n", ":4:1: unknown key command: no file runs a command; use pf up -- COMMAND")]
    [InlineData("version: 1\nforwards:\n  db: { target: \"svc/../../secrets/x\", ports: [\":80\"] }\n", ":3:17: arguments in resource/name form may not have more than one slash")]
    [InlineData("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", ":1:4: anchors (&) are not taken: every value is written where it counts; a text that begins with & has quotes")]
    public Task What_its_text_tries_is_refused_in_one_line(string text, string told)
    {
        _folder.Write("repo/pf.yaml", text);
        return ShouldBeRefusedAsync(told);
    }

    [UnixTheory]
    [InlineData("ln -s /etc/passwd pf.yaml", " is a link to a file outside of REPO: name it with -f FILE if you trust it")]
    [InlineData("mkfifo pf.yaml", " is no regular file: name it with -f FILE if you trust it")]
    [InlineData("ln -s /dev/zero pf.yaml", " is a link to a file outside of REPO: name it with -f FILE if you trust it")]
    [InlineData("ln -s pf.yaml pf.yaml", " is a link to a file outside of REPO: name it with -f FILE if you trust it")]
    [InlineData("mkdir pf.yaml", " is a folder, and no file")]
    [InlineData("truncate -s 50M pf.yaml", " has more than 1 MiB, which is no file of forwards")]
    [InlineData("yes '# x' | head -c 52428800 > pf.yaml", " has more than 1 MiB, which is no file of forwards")]
    [InlineData("head -c 4096 /dev/urandom > pf.yaml", "*")]
    [InlineData("touch pf.yaml .pf.yaml", "REPO has both pf.yaml and .pf.yaml: keep one, or name it with -f")]
    public async Task What_the_file_itself_is_is_refused_in_one_line(string script, string told)
    {
        Directory.CreateDirectory(_folder["repo"]);
        using (Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", script]) { WorkingDirectory = _folder["repo"] })!)
        {
            await shell.WaitForExitAsync();
        }

        await ShouldBeRefusedAsync(told);
    }

    private async Task ShouldBeRefusedAsync(string told)
    {
        Directory.CreateDirectory(_folder["repo/.git"]);
        long began = Stopwatch.GetTimestamp();

        (int exitCode, IReadOnlyList<string> output, IReadOnlyList<string> error) = await FileRun.RunAsync(fixture.Kubeconfig, _folder["repo"], "up");

        Stopwatch.GetElapsedTime(began).Should().BeLessThan(TimeSpan.FromSeconds(20), "nothing is waited for");
        exitCode.Should().Be(1);
        output.Should().BeEmpty();
        string[] ofAliases = [": unknown key a: ", ": unknown key b: "]; // What else is wrong with that file.
        string line = error.Where(line => !ofAliases.Any(line.Contains)).Should().ContainSingle().Subject;
        string expected = told.StartsWith("REPO", StringComparison.Ordinal) ? told : _folder["repo/pf.yaml"] + told;
        line.Should().Match("error: " + expected.Replace("REPO", _folder["repo"], StringComparison.Ordinal).Replace("FILE", _folder["repo/pf.yaml"], StringComparison.Ordinal));
    }
}
