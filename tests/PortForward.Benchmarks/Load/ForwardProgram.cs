namespace PortForward.Benchmarks.Load;

/// <summary>A program that forwards ports, with kubectl's command line.</summary>
/// <param name="Name">What it is called in the results.</param>
/// <param name="Path">The executable itself, not a script around it: its memory and processor time are measured.</param>
/// <param name="Subcommand">What stands before the target; null for nothing.</param>
internal sealed record ForwardProgram(string Name, string Path, string? Subcommand = null)
{
    public static ForwardProgram Pf(string path) => new("pf", path);

    public static ForwardProgram Kubectl(string path) => new("kubectl", path, "port-forward");
}
