using PortForward.Benchmarks.Comparison.Figures;

namespace PortForward.Benchmarks.Comparison;

/// <summary>Everything that is compared, with what is wanted of pf.</summary>
internal static class AllFigures
{
    /// <summary>The measurements, with their figures in the order of the report.</summary>
    public static IReadOnlyList<IMeasurement> With(FigureSettings settings) =>
    [
        new StartTime(0.6),
        new StartTime(0.55, settings.Far),
        new NewConnection(0.8),
        new NewConnection(0.40, settings.Far),
        new Burst(0.7, settings, connections: 6),
        new Burst(1.3, settings),
        new Burst(0.6, settings, again: true),
        new MessageRoundTrip(0.95),
        new Download(1.25, connections: 1),
        new Upload(1.25),
        new Download(1.3, connections: 4),
        new ProcessorTime(0.5),
        new SmallReads(0.55),
        new Memory(0.5),
        MemoryAfter.Burst(0.9, wantedRested: 15),
        MemoryAfter.Many(0.9, wantedRested: 15, settings.Many),
        new HttpRate(1.2, clients: 1),
        new HttpRate(1.2, clients: 20),
        new HttpRate(1.2, clients: 100),
        new BinarySize(0.4),
    ];
}
