using PortForward.Benchmarks.Comparison.Figures;

namespace PortForward.Benchmarks.Comparison;

/// <summary>Everything that is compared, with what is wanted of pf.</summary>
internal static class AllFigures
{
    /// <summary>The measurements, with their figures in the order of the report.</summary>
    /// <param name="far">The round trip of those that are measured from far away.</param>
    public static IReadOnlyList<IMeasurement> At(TimeSpan far) =>
    [
        new StartTime(0.6),
        new StartTime(0.55, far),
        new NewConnection(0.8),
        new NewConnection(0.40, far),
        new Burst(0.6, far, again: false),
        new Burst(0.6, far, again: true),
        new MessageRoundTrip(0.95),
        new Download(1.25, connections: 1),
        new Upload(1.25),
        new Download(1.3, connections: 4),
        new ProcessorTime(0.5),
        new Memory(0.5),
        new HttpRate(1.2, clients: 1),
        new HttpRate(1.2, clients: 20),
        new HttpRate(1.2, clients: 100),
        new BinarySize(0.4),
    ];
}
