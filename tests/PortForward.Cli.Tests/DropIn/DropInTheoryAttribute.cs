
namespace PortForward.Cli.Tests.DropIn;

/// <summary>
/// A table of command lines for kubectl and pf; skipped, with the reason, where there is no kubectl to compare with. Older ones lack flags and say
/// things otherwise.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class DropInTheoryAttribute : TheoryAttribute
{
    private static readonly Version Oldest = new(1, 36);

    public DropInTheoryAttribute() => Skip = OperatingSystem.IsWindows() ? "needs signals and a POSIX shell"
        : KubectlBinaries.Newest is not { } newest ? KubectlBinaries.NoneFound
        : newest.Version < Oldest ? $"the newest kubectl found is {newest.Version}, and pf is compared with {Oldest} or newer: set {KubectlBinaries.Variable} to the path of one"
        : null;
}
