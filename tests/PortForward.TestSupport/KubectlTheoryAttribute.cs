namespace PortForward.TestSupport;

/// <summary>A test per kubectl binary; skipped, with the reason, where there is none. Its method takes the binary's path first.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class KubectlTheoryAttribute : TheoryAttribute
{
    public KubectlTheoryAttribute() => Skip = KubectlBinaries.All.Count == 0 ? KubectlBinaries.NoneFound : null;
}
