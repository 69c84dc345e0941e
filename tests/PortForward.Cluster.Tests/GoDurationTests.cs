namespace PortForward.Cluster.Tests;

public sealed class GoDurationTests
{
    [Theory]
    [InlineData(0.25, "250ms")]
    [InlineData(1, "1s")]
    [InlineData(1.5, "1.5s")]
    [InlineData(60, "1m0s")]
    [InlineData(90, "1m30s")]
    [InlineData(5400, "1h30m0s")]
    [InlineData(90000, "25h0m0s")]
    public void Durations_are_written_as_Go_writes_them(double seconds, string text) => GoDuration.Format(TimeSpan.FromSeconds(seconds)).Should().Be(text);
}
