using System.Diagnostics;
using PortForward.Cli.Tests.Support;

namespace PortForward.Cli.Tests;

/// <summary>The scripts in README and docs that are marked for it do what is said of them.</summary>
public sealed class DocumentedScriptsTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>
{
    private const string Mark = "<!-- executed by a test -->";

    [DocumentedScriptTheory]
    [InlineData("README.md", 1)]
    [InlineData("scripts.md", 1)]
    public async Task A_script_that_is_marked_works_as_it_stands(string document, int count)
    {
        string[] scripts = [.. ScriptsOf(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, document)))];
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
            pf.WorkingDirectory = Path.GetDirectoryName(folder["pf"])!;
            pf.Environment["PATH"] = $"{pf.WorkingDirectory}:{Environment.GetEnvironmentVariable("PATH")}";

            await using PfProcess run = PfProcess.Start(pf);

            (await run.ExitAsync()).Should().Be(0, "stderr was {0}", string.Join('\n', run.Error));
            (await File.ReadAllTextAsync(folder["page.html"])).Should().Contain("web-1");
        }
    }

    private static IEnumerable<string> ScriptsOf(string text) => text.Split(Mark).Skip(1).Select(static rest =>
    {
        string[] lines = rest.TrimStart().Split('\n');
        return string.Join('\n', lines.Skip(1).TakeWhile(static line => !line.StartsWith("```", StringComparison.Ordinal)));
    });

    /// <summary>The scripts need what a CI machine has.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class DocumentedScriptTheoryAttribute : TheoryAttribute
    {
        public DocumentedScriptTheoryAttribute() => Skip = OperatingSystem.IsWindows() ? "needs a POSIX shell"
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(static folder => File.Exists(Path.Combine(folder, "curl"))) ? null
            : "needs curl";
    }
}
