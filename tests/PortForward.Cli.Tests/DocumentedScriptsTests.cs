using System.Diagnostics;
using PortForward.Cli.Tests.Support;
using PortForward.Testing;

namespace PortForward.Cli.Tests;

/// <summary>The scripts in README and docs that are marked for it do what is said of them.</summary>
public sealed class DocumentedScriptsTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>
{
    [DocumentedScriptTheory("curl")]
    [InlineData("README.md", 4)]
    [InlineData("scripts.md", 1)]
    public async Task A_script_that_is_marked_works_as_it_stands(string document, int count)
    {
        foreach (string name in (string[])["api", "users", "images"])
        {
            fixture.Cluster.Add(TestObjects.Service(name, "app=web", new ServicePort(80, "http", "web")));
        }

        await RunAsync(document, "executed by a test", count, async folder => (await File.ReadAllTextAsync(folder["page.html"])).Should().Contain("web-1"));
    }

    [DatabaseTheory]
    [InlineData("README.md", 2)]
    public async Task A_script_with_real_databases_works_as_it_stands(string document, int count)
    {
        await using Databases databases = await Databases.StartAsync(fixture.Cluster);

        await RunAsync(document, "executed by a test with PostgreSQL and Redis", count, async folder =>
        {
            (await File.ReadAllTextAsync(folder["rows.txt"])).Trim().Should().Be("42");
            (await databases.Redis.AskAsync("GET answer")).Should().Be("42");
        });
    }

    private async Task RunAsync(string document, string mark, int count, Func<TemporaryFolder, Task> check)
    {
        string[] scripts = [.. ScriptsOf(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, document)), mark)];
        scripts.Should().HaveCount(count);
        foreach (string script in scripts)
        {
            using var folder = new TemporaryFolder();
            ProcessStartInfo pf = PfProcess.Command(fixture.Kubeconfig);

            // The shell makes the program "pf" itself: a file that this process has written may still be open in one that is just being started.
            string prepare = $"printf '%s\\n' '#!/bin/sh' 'exec {pf.FileName} {string.Join(' ', pf.ArgumentList)} \"$@\"' > pf && chmod +x pf\n";
            pf.FileName = "/bin/sh";
            pf.ArgumentList.Clear();
            pf.ArgumentList.Add("-c");
            pf.ArgumentList.Add(prepare + script);
            pf.WorkingDirectory = Path.GetDirectoryName(folder["pf"]);
            pf.Environment["PATH"] = $"{pf.WorkingDirectory}:{Environment.GetEnvironmentVariable("PATH")}";

            await using PfProcess run = PfProcess.Start(pf);

            (await run.ExitAsync()).Should().Be(0, "stderr was {0}", string.Join('\n', run.Error));
            await check(folder);
        }
    }

    private static IEnumerable<string> ScriptsOf(string text, string mark) => text.Split($"<!-- {mark} -->").Skip(1).Select(static rest =>
    {
        string[] lines = rest.TrimStart().Split('\n');
        return string.Join('\n', lines.Skip(1).TakeWhile(static line => !line.StartsWith("```", StringComparison.Ordinal)));
    });

    /// <summary>The scripts need what a CI machine has.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class DocumentedScriptTheoryAttribute : TheoryAttribute
    {
        public DocumentedScriptTheoryAttribute(string program) => Skip = OperatingSystem.IsWindows() ? "needs a POSIX shell" : Programs.Find(program) is null ? $"needs {program}" : null;
    }
}
