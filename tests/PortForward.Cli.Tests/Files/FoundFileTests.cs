using System.Diagnostics;
using PortForward.Cli.Files;
using PortForward.Cli.Tests.Support;

namespace PortForward.Cli.Tests.Files;

/// <summary>How a file is found that nobody has named, and what it may not do: it may have come with a clone.</summary>
public sealed class FoundFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("repo/pf.yaml", "repo/a/b", "repo/pf.yaml")]
    [InlineData("repo/.pf.yaml", "repo/a/b", "repo/.pf.yaml")]
    [InlineData("repo/a/pf.yaml,repo/pf.yaml", "repo/a/b", "repo/a/pf.yaml")]
    [InlineData("repo/a/pf.yaml", "repo", null)]
    [InlineData("pf.yaml", "repo/a/b", null)]
    [InlineData("pf.yaml", "elsewhere/a", null)]
    [InlineData("elsewhere/pf.yaml", "elsewhere/a", null)]
    [InlineData("elsewhere/a/pf.yaml", "elsewhere/a", "elsewhere/a/pf.yaml")]
    [InlineData("home/pf/pf.yaml", "repo/a/b", "home/pf/pf.yaml")]
    [InlineData("home/pf/pf.yaml,repo/pf.yaml", "repo/a/b", "repo/pf.yaml")]
    [InlineData("pf.yaml", "home/pf", null)]
    public void It_is_looked_for_up_to_the_repositorys_root_and_then_in_the_users_own_folder(string files, string current, string? found)
    {
        foreach (string folder in (string[])["repo/.git", "repo/a/b", "elsewhere/a", "home/pf"])
        {
            Directory.CreateDirectory(_folder[folder]);
        }

        foreach (string file in files.Split(','))
        {
            _folder.Write(file, "version: 1");
        }

        RunFileSearch.Find(_folder[current], _folder["home/pf"])?.Path.Should().Be(found is null ? null : _folder[found]);
        (RunFileSearch.Find(_folder[current], _folder["home/pf"]) is null).Should().Be(found is null);
    }

    [Fact]
    public void In_a_worktree_the_repositorys_mark_is_a_file()
    {
        _folder.Write("work/.git", "gitdir: /x");
        _folder.Write("work/pf.yaml", "version: 1");
        Directory.CreateDirectory(_folder["work/a"]);

        RunFileSearch.Find(_folder["work/a"], userFolder: null)!.Value.Within.Should().Be(_folder["work"]);
    }

    [Fact]
    public void Two_in_one_folder_are_a_mistake()
    {
        _folder.Write("pf.yaml", "version: 1");
        _folder.Write(".pf.yaml", "version: 1");

        Action finding = () => RunFileSearch.Find(_folder.Path, userFolder: null);

        finding.Should().Throw<FileException>().WithMessage($"{_folder.Path} has both pf.yaml and .pf.yaml: keep one, or name it with -f");
    }

    [UnixFact]
    public void The_users_own_folder_is_where_the_desktop_specification_puts_it()
    {
        Of(("XDG_CONFIG_HOME", "/c"), ("HOME", "/h")).Should().Be("/c/pf");
        Of(("XDG_CONFIG_HOME", "relative"), ("HOME", "/h")).Should().Be("/h/.config/pf");
        Of(("HOME", "/h")).Should().Be("/h/.config/pf");
        Of().Should().BeNull();

        static string? Of(params (string Name, string Value)[] variables) =>
            RunFileSearch.UserFolder(name => Array.Find(variables, variable => variable.Name == name).Value);
    }

    [Theory]
    [InlineData("address: 0.0.0.0", "4:10: only a file named with -f may listen on 0.0.0.0, where other machines may reach it")]
    [InlineData("address: \"127.0.0.1,::\"", "4:10: only a file named with -f may listen on 127.0.0.1,::, where other machines may reach it")]
    [InlineData("address: 127.0.0.2", null)]
    [InlineData("address: ${ADDRESS:-10.0.0.1}", "4:10: only a file named with -f may listen on 10.0.0.1, where other machines may reach it")]
    [InlineData("env: { LD_PRELOAD: x }", "4:8: only a file named with -f may set LD_PRELOAD, which decides what programs load, run or trust")]
    [InlineData("env: { PATH: x }", "4:8: only a file named with -f may set PATH, which decides what programs load, run or trust")]
    [InlineData("env: { path: x }", "4:8: only a file named with -f may set path, which decides what programs load, run or trust")]
    [InlineData("env: { DATABASE_URL: x, PGHOST: \"{{db.host}}\", MYSQL_HOST: localhost, HTTP_PORT: x, ASPNETCORE_URLS: x, SPRING_DATASOURCE_URL: x, LOG_LEVEL: x }", null)]
    [InlineData("env: { PGHOST: evil.example }", "4:8: only a file named with -f may set PGHOST to anything but this machine, or a template such as {{db.host}}")]
    [InlineData("env: { pghostaddr: \"{{db.host}}.x\" }", "4:8: only a file named with -f may set pghostaddr to anything but this machine, or a template such as {{db.host}}")]
    public void It_is_not_trusted_like_a_flag_where_one_that_is_named_is(string line, string? told)
    {
        string text = $"version: 1\nforwards:\n  db: {{ target: svc/db, ports: [\"5432\"] }}\n{line}\n";

        Read(text, isNamed: true).Should().BeEmpty();
        Read(text, isNamed: false).Should().Equal(told is null ? [] : [$"pf.yaml:{told}"]);
    }

    [Theory]
    [InlineData("0.0.0.0:5432:5432")]
    [InlineData("[::]:5432:5432")]
    public void A_port_of_it_listens_on_this_machine_only(string port)
    {
        string text = $"version: 1\nforwards:\n  db: {{ target: svc/db, ports: [\"{port}\"] }}\n";

        Read(text, isNamed: true).Should().BeEmpty();
        Read(text, isNamed: false).Should().ContainSingle().Which.Should().StartWith("pf.yaml:3:33: only a file named with -f may listen on ");
        Read(text.Replace($"[\"{port}\"]", "[\"1\"], address: 0.0.0.0", StringComparison.Ordinal), isNamed: false).Should().ContainSingle();
    }

    [UnixTheory]
    [InlineData("unix:db.sock:5432", "unix:/folder/db.sock:5432", "/folder/db.sock")]
    [InlineData("unix:../db.sock:pg", "unix:/db.sock:pg", "/db.sock")]
    [InlineData("unix:/run/x/../db.sock:5432", "unix:/run/db.sock:5432", "/run/db.sock")]
    [InlineData("unix:~/db.sock:5432", "unix:~/db.sock:5432", "~/db.sock")]
    [InlineData("unix:db.sock", "unix:db.sock", null)]
    [InlineData("unix:unix", "unix:unix", null)]
    [InlineData("8080:unix", "8080:unix", null)]
    public void A_sockets_path_is_meant_from_the_files_folder(string port, string rooted, string? path)
    {
        SocketPort.Rooted(port, "/folder").Should().Be(rooted);
        SocketPort.PathOf(SocketPort.Rooted(port, "/folder")).Should().Be(path);
    }

    [UnixFact]
    public void A_path_within_a_folder_stays_there_when_links_are_followed()
    {
        Directory.CreateDirectory(_folder["repo/sub"]);
        Directory.CreateSymbolicLink(_folder["repo/run"], "/run");
        Directory.CreateSymbolicLink(_folder["repo/in"], "sub");
        File.CreateSymbolicLink(_folder["repo/loop"], "loop");

        ((string[])["db.sock", "sub/db.sock", "in/db.sock", "none/db.sock"]).Should().OnlyContain(path => RealPath.IsWithin(_folder[$"repo/{path}"], _folder["repo"]));
        ((string[])["../db.sock", "run/db.sock", "loop/db.sock", "../repo2/db.sock"]).Should().OnlyContain(path => !RealPath.IsWithin(_folder[$"repo/{path}"], _folder["repo"]));
    }

    [UnixTheory]
    [InlineData("d/../x", false)]
    [InlineData("d/../../x", false)]
    [InlineData("twice/x", false)]
    [InlineData("in/../sub/x", true)]
    [InlineData("in/../../deep/x", true)]
    [InlineData("deep/../deep/er/./x", true)]
    [InlineData("none/../../../x", false)]
    public void Two_dots_in_a_links_target_lead_above_what_was_reached(string target, bool isWithin)
    {
        Directory.CreateDirectory(_folder["repo/deep/er"]);
        Directory.CreateDirectory(_folder["outside/deep"]);
        Directory.CreateSymbolicLink(_folder["repo/d"], _folder["outside/deep"]);
        Directory.CreateSymbolicLink(_folder["repo/twice"], "d/../deep");
        Directory.CreateSymbolicLink(_folder["repo/in"], "deep/er");
        Directory.CreateDirectory(_folder["repo/deep/sub"]);
        File.CreateSymbolicLink(_folder["repo/link"], target);

        RealPath.IsWithin(_folder["repo/link"], _folder["repo"]).Should().Be(isWithin);
        RealPath.IsWithin(_folder["repo/link/db.sock"], _folder["repo"]).Should().Be(isWithin);
    }

    [UnixFact]
    public void A_file_is_not_read_through_a_folder_of_elsewhere()
    {
        _folder.Write("outside/secret.yaml", "version: 1");
        Directory.CreateDirectory(_folder["outside/deep"]);
        Directory.CreateDirectory(_folder["repo"]);
        _folder.Write("repo/secret.yaml", "version: 1");
        Directory.CreateSymbolicLink(_folder["repo/d"], _folder["outside/deep"]);
        File.CreateSymbolicLink(_folder["repo/pf.yaml"], "d/../secret.yaml");

        RealPath.Of(_folder["repo/pf.yaml"]).Should().Be(RealPath.Of(_folder["outside/secret.yaml"]));
        RefusalOf(() => RunFileOpening.ReadFound(_folder["repo/pf.yaml"], _folder["repo"])).Should().Contain("is a link to a file outside of ");
    }

    [Theory]
    [InlineData("LD_LIBRARY_PATH", true)]
    [InlineData("DYLD_INSERT_LIBRARIES", true)]
    [InlineData("NODE_OPTIONS", true)]
    [InlineData("BASH_ENV", true)]
    [InlineData("ENV", true)]
    [InlineData("ENVIRONMENT", false)]
    [InlineData("PYTHONSTARTUP", true)]
    [InlineData("PERL5OPT", true)]
    [InlineData("RUBYOPT", true)]
    [InlineData("JAVA_TOOL_OPTIONS", true)]
    [InlineData("_JAVA_OPTIONS", true)]
    [InlineData("JDK_JAVA_OPTIONS", true)]
    [InlineData("DOTNET_STARTUP_HOOKS", true)]
    [InlineData("CORECLR_PROFILER_PATH", true)]
    [InlineData("COMPlus_Version", true)]
    [InlineData("GIT_SSH_COMMAND", true)]
    [InlineData("SSH_ASKPASS", true)]
    [InlineData("KUBECONFIG", true)]
    [InlineData("HOME", true)]
    [InlineData("https_proxy", true)]
    [InlineData("NO_PROXY", true)]
    [InlineData("NODE_EXTRA_CA_CERTS", true)]
    [InlineData("PSQLRC", true)]
    [InlineData("AWS_CONFIG_FILE", true)]
    [InlineData("GOAUTH", true)]
    [InlineData("GOCACHEPROG", true)]
    [InlineData("GOWORK", true)]
    [InlineData("GOTENBERG_URL", false)]
    [InlineData("TAR_OPTIONS", true)]
    [InlineData("GH_BROWSER", true)]
    [InlineData("ANSIBLE_CONFIG", true)]
    [InlineData("COMPOSE_FILE", true)]
    [InlineData("PGSSLROOTCERT", true)]
    [InlineData("PGSERVICE", true)]
    [InlineData("C_INCLUDE_PATH", true)]
    [InlineData("PGHOST", false)]
    [InlineData("PORT", false)]
    [InlineData("ConnectionStrings__Db", false)]
    public void What_decides_which_code_runs_is_guarded(string variable, bool isGuarded) => GuardedVariables.Contains(variable).Should().Be(isGuarded);

    [Theory]
    [InlineData("context: kind-dev", "kind-dev", null, false)]
    [InlineData("context: kind-dev", "prod", null, true)]
    [InlineData("context: kind-dev", null, null, true)]
    [InlineData("context: kind-dev", "prod", "kind-dev", false)]
    [InlineData("context: kind-dev", "prod", "other", false)]
    [InlineData("context: \"\"", "prod", null, false)]
    public void It_leads_to_the_current_context_or_the_one_of_the_flag(string line, string? current, string? named, bool isRefused)
    {
        string text = $"version: 1\nforwards:\n  db: {{ target: svc/db, ports: [\"5432\"] }}\n{(line.EndsWith("\"\"", StringComparison.Ordinal) ? "" : line)}\n";
        RunFile found = RunFileReader.Read(new FileText("pf.yaml", _folder.Path, text, IsNamed: false), static _ => null);

        Action checking = () => FoundFileRules.CheckContexts(found, current, named);

        if (isRefused)
        {
            checking.Should().Throw<FileException>()
                .WithMessage($"pf.yaml:4:10: only a file named with -f may use another context than the current one{(current is null ? "" : $", {current}")}; --context kind-dev uses it for this run");
        }
        else
        {
            checking.Should().NotThrow();
        }

        ((Action)(() => FoundFileRules.CheckContexts(found with { IsNamed = true }, current, named))).Should().NotThrow();
    }

    [Fact]
    public void A_forward_of_it_leads_to_no_other_context_either()
    {
        string text = "version: 1\nforwards:\n  db: { target: svc/db, ports: [\"5432\"], context: prod }\n";
        RunFile found = RunFileReader.Read(new FileText("pf.yaml", _folder.Path, text, IsNamed: false), static _ => null);

        ((Action)(() => FoundFileRules.CheckContexts(found, "dev", named: null))).Should().Throw<FileException>().WithMessage("pf.yaml:3:51: *");
        ((Action)(() => FoundFileRules.CheckContexts(found, "dev", named: "other"))).Should().Throw<FileException>();
        ((Action)(() => FoundFileRules.CheckContexts(found, "prod", named: null))).Should().NotThrow();
    }

    [Fact]
    public void It_replaces_no_variable_that_is_set()
    {
        string text = "version: 1\nforwards:\n  db: { target: svc/db, ports: [\"5432\"] }\nenv: { DATABASE_URL: x, OTHER: z }\n";
        RunFile found = RunFileReader.Read(new FileText("pf.yaml", _folder.Path, text, IsNamed: false), static _ => null);

        ((Action)(() => FoundFileRules.CheckVariables(found, static name => name == "DATABASE_URL"))).Should().Throw<FileException>()
            .WithMessage("pf.yaml:4:8: only a file named with -f may replace DATABASE_URL, which is set already");
        ((Action)(() => FoundFileRules.CheckVariables(found with { IsNamed = true }, static _ => true))).Should().NotThrow();
    }

    [UnixFact]
    public void A_link_to_a_file_outside_of_the_repository_is_refused_and_one_inside_is_followed()
    {
        _folder.Write("repo/sub/real.yaml", "version: 1");
        File.CreateSymbolicLink(_folder["repo/pf.yaml"], "sub/real.yaml");
        RunFileOpening.ReadFound(_folder["repo/pf.yaml"], _folder["repo"]).Text.Should().Be("version: 1");

        Refusal("/etc/passwd").Should().Contain("is a link to a file outside of ");
        Directory.CreateSymbolicLink(_folder["repo/etc"], "/etc");
        Refusal("etc/passwd").Should().Contain("is a link to a file outside of ");
        Refusal("../repo2/x").Should().Contain("is a link to a file outside of ");
        Refusal("pf.yaml").Should().Contain("is a link to a file outside of ");
        Refusal("nothing").Should().EndWith("pf.yaml does not exist");

        string Refusal(string target)
        {
            File.Delete(_folder["repo/pf.yaml"]);
            File.CreateSymbolicLink(_folder["repo/pf.yaml"], target);
            return RefusalOf(() => RunFileOpening.ReadFound(_folder["repo/pf.yaml"], _folder["repo"]));
        }
    }

    [UnixFact]
    public void A_pipe_is_refused_at_once()
    {
        using (var process = Process.Start("mkfifo", _folder["pf.yaml"]))
        {
            process.WaitForExit();
        }

        RefusalOf(() => RunFileOpening.ReadFound(_folder["pf.yaml"], _folder.Path)).Should().Be($"{_folder["pf.yaml"]} is no regular file: name it with -f {_folder["pf.yaml"]} if you trust it");
        RefusalOf(() => RunFileOpening.ReadFound("/dev/zero", within: null)).Should().StartWith("/dev/zero is no regular file");
        Directory.CreateDirectory(_folder["folder.yaml"]);
        RefusalOf(() => RunFileOpening.ReadFound(_folder["folder.yaml"], _folder.Path)).Should().EndWith("is a folder, and no file");
    }

    [UnixFact]
    public void One_that_belongs_to_somebody_else_is_refused()
    {
        if (Environment.UserName != "root")
        {
            return; // Nobody else can give a file away.
        }

        using (var process = Process.Start("chown", ["12345", _folder.Write("pf.yaml", "version: 1")]))
        {
            process.WaitForExit();
        }

        RefusalOf(() => RunFileOpening.ReadFound(_folder["pf.yaml"], _folder.Path)).Should().StartWith($"{_folder["pf.yaml"]} belongs to another user: name it with -f ");
        RunFileOpening.ReadNamed(_folder["pf.yaml"]).Text.Should().Be("version: 1");
    }

    [Fact]
    public void What_is_too_large_or_no_text_is_refused_in_one_line()
    {
        using (FileStream large = File.Create(_folder["large.yaml"]))
        {
            large.SetLength(50 * 1024 * 1024);
        }

        RefusalOf(() => RunFileOpening.ReadFound(_folder["large.yaml"], _folder.Path)).Should().EndWith("large.yaml has more than 1 MiB, which is no file of forwards");
        Named("utf16.yaml", System.Text.Encoding.Unicode.GetPreamble(), 1).Should().EndWith("utf16.yaml:1:1: the file is in UTF-16: save it as UTF-8");
        Named("latin.yaml", "é"u8.ToArray()[..1]).Should().EndWith("latin.yaml is no text in UTF-8: save it as UTF-8");
        Named("zero.yaml", 0, 1, 2).Should().EndWith("zero.yaml is no text");
        RefusalOf(() => RunFileOpening.ReadNamed(_folder["none.yaml"])).Should().Be($"{_folder["none.yaml"]} does not exist");
        RefusalOf(() => RunFileOpening.ReadNamed(_folder.Path)).Should().Be($"{_folder.Path} is a folder: name the file in it");
        RefusalOf(() => RunFileOpening.ReadNamed("")).Should().Be("--filename has an empty name: is its variable set?");

        string Named(string name, params object[] content)
        {
            byte[] bytes = [.. content.SelectMany(static item => item is byte[] many ? many : [(byte)(int)item])];
            return RefusalOf(() => RunFileOpening.ReadNamed(_folder.Write(name, bytes)));
        }
    }

    [Fact]
    public void A_byte_order_mark_of_UTF_8_is_no_part_of_the_text() =>
        RunFileOpening.ReadNamed(_folder.Write("pf.yaml", [0xEF, 0xBB, 0xBF, (byte)'a'])).Text.Should().Be("a");

    private static string RefusalOf(Action reading) => reading.Should().Throw<FileException>().Which.Lines.Should().ContainSingle().Subject;

    private static IReadOnlyList<string> Read(string text, bool isNamed)
    {
        try
        {
            RunFileReader.Read(new FileText("pf.yaml", "/folder", text, isNamed), static _ => null);
            return [];
        }
        catch (FileException e)
        {
            return e.Lines;
        }
    }
}
