using System.Diagnostics;
using System.IO.Pipelines;
using PortForward.Spdy;
using PortForward.Tests.Support;

namespace PortForward.Tests.Spdy;

/// <summary>In the steady state a data frame costs no memory, in either direction, whether the transport lets wait or not.</summary>
[Collection(nameof(SpdySessionAllocationTests))]
public sealed class SpdySessionAllocationTests : IAsyncLifetime
{
    private const int Frames = 10_000;
    private const int FrameSize = 4_000;
    private static readonly TimeSpan LongestWarmUp = TimeSpan.FromSeconds(20);

    private readonly InlineTransport _transport = new();
    private SpdySession _session = null!;
    private SpdyStream _stream = null!;

    public async Task InitializeAsync()
    {
        _session = new SpdySession(_transport);
        _stream = (await _session.OpenAsync([new StreamOpening(SpdyFixture.NoHeaders)], default))!.Single();
        await Waiting.UntilAsync(() => _transport.IsReading);
    }

    public async Task DisposeAsync() => await _session.DisposeAsync();

    [OptimizedFact]
    public void A_frame_that_arrives_alone_allocates_nothing()
    {
        byte[] frame = SpdyPeer.Data(_stream.Id, new byte[FrameSize]);

        AllocatedPerFrame(() => Receive(frame), framesEach: 1).Should().BeLessThan(1);
    }

    [OptimizedFact]
    public void Frames_that_arrive_together_allocate_nothing()
    {
        byte[] frame = SpdyPeer.Data(_stream.Id, new byte[FrameSize]);
        byte[] frames = [.. frame, .. frame, .. frame, .. frame];

        AllocatedPerFrame(() => Receive(frames), framesEach: 4).Should().BeLessThan(1);
    }

    [OptimizedFact]
    public void A_frame_that_arrives_in_two_parts_allocates_nothing()
    {
        byte[] frame = SpdyPeer.Data(_stream.Id, new byte[FrameSize]);

        AllocatedPerFrame(
            () =>
            {
                _transport.Deliver(frame.AsSpan(0, 100));
                Receive(frame.AsSpan(100));
            },
            framesEach: 1).Should().BeLessThan(1);
    }

    [OptimizedFact]
    public void A_frame_that_the_transport_takes_at_once_allocates_nothing()
    {
        byte[] data = new byte[FrameSize];

        AllocatedPerFrame(
            () =>
            {
                ValueTask<bool> write = _stream.WriteAsync(data);
                Demand(write.IsCompletedSuccessfully && write.Result);
            },
            framesEach: 1).Should().BeLessThan(1);
    }

    [OptimizedFact]
    public void A_frame_that_the_transport_lets_wait_allocates_nothing()
    {
        byte[] data = new byte[FrameSize];
        _transport.HoldsWrites = true;

        AllocatedPerFrame(
            () =>
            {
                ValueTask<bool> write = _stream.WriteAsync(data);
                _transport.FinishWrite();
                Demand(write.IsCompletedSuccessfully && write.Result);
            },
            framesEach: 1).Should().BeLessThan(1);
    }

    /// <summary>Delivers bytes to the session, and takes what comes out of the stream, as a consumer that keeps up.</summary>
    private void Receive(ReadOnlySpan<byte> bytes)
    {
        _transport.Deliver(bytes);
        Demand(_transport.IsReading);
        Demand(_stream.Input.TryRead(out ReadResult result));
        _stream.Input.AdvanceTo(result.Buffer.End);
    }

    /// <summary>What this thread allocates for a frame once everything is in its steady state, in bytes.</summary>
    /// <remarks>Code that the runtime has not optimised yet may box what it will not box later, so the first rounds do not count.</remarks>
    private static double AllocatedPerFrame(Action exchange, int framesEach)
    {
        SynchronizationContext? context = SynchronizationContext.Current;
        long began = Stopwatch.GetTimestamp();
        try
        {
            // Under a context, continuations would leave this thread.
            SynchronizationContext.SetSynchronizationContext(null);
            double allocated;
            do
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                for (int i = 0; i < Frames; i += framesEach)
                {
                    exchange();
                }

                allocated = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)Frames;
            }
            while (allocated >= 1 && Stopwatch.GetElapsedTime(began) < LongestWarmUp);
            return allocated;
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    /// <summary>An assertion that allocates nothing.</summary>
    private static void Demand(bool condition)
    {
        if (!condition)
        {
            throw new Xunit.Sdk.XunitException("Something did not happen at once.");
        }
    }
}

/// <summary>These tests run alone: while others make the runtime compile new code, it does not optimise that of these.</summary>
[CollectionDefinition(nameof(SpdySessionAllocationTests), DisableParallelization = true)]
public sealed class AllocationTestsRunAlone;
