using System.CommandLine;
using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison;

/// <summary>The options that say what is measured, and where.</summary>
internal sealed class SubjectOptions
{
    private readonly Option<string> _pf = new("--pf") { Description = "The published pf", DefaultValueFactory = _ => Path.Combine("artifacts", "pf", "pf") };
    private readonly Option<string> _kubectl = new("--kubectl") { Description = "kubectl: a path, or a name on PATH", DefaultValueFactory = _ => "kubectl" };
    private readonly Option<string> _cluster = new("--cluster") { Description = "The embedded cluster, or the one of KUBECONFIG", DefaultValueFactory = _ => "embedded" };
    private readonly Option<string> _target = new("--target") { Description = "A pod that runs the test applications", DefaultValueFactory = _ => "pod/solo" };

    public SubjectOptions() => _cluster.AcceptOnlyFromAmong("embedded", "kubeconfig");

    public void AddTo(Command command)
    {
        command.Options.Add(_pf);
        command.Options.Add(_kubectl);
        command.Options.Add(_cluster);
        command.Options.Add(_target);
    }

    /// <summary>Reads the options.</summary>
    /// <exception cref="FormatException">A program is not there.</exception>
    public (ForwardProgram Pf, ForwardProgram Kubectl, bool Embedded, string Target) Read(ParseResult parsed) =>
        (ForwardProgram.Pf(Find(parsed.GetValue(_pf)!)), ForwardProgram.Kubectl(Find(parsed.GetValue(_kubectl)!)),
         parsed.GetValue(_cluster) == "embedded", parsed.GetValue(_target)!);

    private static string Find(string program)
    {
        var folders = program.Contains('/') || program.Contains('\\') ? [""] : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        var name = OperatingSystem.IsWindows() && !Path.HasExtension(program) ? program + ".exe" : program;
        return folders.Select(folder => Path.GetFullPath(Path.Combine(folder, name))).FirstOrDefault(File.Exists)
            ?? throw new FormatException($"There is no program {program}.");
    }
}
