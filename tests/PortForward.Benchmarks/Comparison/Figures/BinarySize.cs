using PortForward.Benchmarks.Load;

namespace PortForward.Benchmarks.Comparison.Figures;

/// <summary>The size of the program's file.</summary>
internal sealed class BinarySize(double wanted) : MeasuredFigure("size", "size of the binary", "MB", Better.Lower, wanted)
{
    public override Task<double> MeasureAsync(Subject subject)
    {
        var file = new FileInfo(subject.Program.Path);
        return Task.FromResult(((FileInfo?)file.ResolveLinkTarget(returnFinalTarget: true) ?? file).Length / 1e6);
    }
}
