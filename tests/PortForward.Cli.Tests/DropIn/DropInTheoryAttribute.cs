using PortForward.Testing.Tests.Kubectl;

namespace PortForward.Cli.Tests.DropIn;

/// <summary>A table of command lines for kubectl and pf; skipped, with the reason, where there is no kubectl.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class DropInTheoryAttribute : TheoryAttribute
{
    public DropInTheoryAttribute() => Skip = OperatingSystem.IsWindows() ? "needs signals and a POSIX shell"
        : KubectlBinaries.All.Count == 0 ? KubectlBinaries.NoneFound
        : null;
}
