using System.Text;

namespace PortForward.Fuzzing.Engine;

/// <summary>
/// One kind of input, and the code that reads it. A run may fail only by a fault: an exception that the code does not promise, or a broken
/// expectation (<see cref="FuzzFault"/>). Time and memory are watched by whoever runs it.
/// </summary>
internal abstract class FuzzTarget
{
    /// <summary>The name, which is also that of its folder below <c>Corpus</c>.</summary>
    public string Name => GetType().Name[..^"Target".Length];

    /// <summary>How many mutations are run when time is short: some two seconds of them.</summary>
    public virtual int Mutations => 1000;

    /// <summary>The most bytes that a run may allocate.</summary>
    public virtual long MaxAllocated => 64 << 20;

    /// <summary>Pieces of input that mean something to the code.</summary>
    public virtual IReadOnlyList<byte[]> Dictionary => [];

    /// <summary>Runs the code on an input.</summary>
    public abstract Task RunAsync(FuzzInput input);

    public override string ToString() => Name;

    /// <summary>Words for a dictionary.</summary>
    protected static byte[][] Words(params string[] words) => [.. words.Select(Encoding.UTF8.GetBytes)];
}
