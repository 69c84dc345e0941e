namespace PortForward.Samples.Tests;

/// <summary>All tests that need the packages or the samples: they are made once.</summary>
[CollectionDefinition(Name)]
public sealed class PackedSamplesCollection : ICollectionFixture<PackedSamples>
{
    internal const string Name = "packed samples";
}
