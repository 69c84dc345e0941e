using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cli.Startup;

namespace PortForward.Cli.Tests.Startup;

public sealed class MemoryReleaseTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly MemoryRelease _memory;
    private int _releases;

    public MemoryReleaseTests() => _memory = new MemoryRelease(_time, () => _releases++);

    [Fact]
    public void After_a_burst_memory_is_given_back_once_when_it_is_quiet()
    {
        End(MemoryRelease.Burst);

        _time.Advance(MemoryRelease.Quiet - TimeSpan.FromSeconds(1));
        _releases.Should().Be(0);
        _time.Advance(TimeSpan.FromSeconds(1));
        _releases.Should().Be(1);
        _time.Advance(TimeSpan.FromHours(1));
        _releases.Should().Be(1);
    }

    [Fact]
    public void Each_further_burst_puts_it_off()
    {
        End(MemoryRelease.Burst);
        for (int i = 0; i < 10; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(30));
            End(MemoryRelease.Burst);
        }

        _time.Advance(MemoryRelease.Quiet - TimeSpan.FromSeconds(1));
        _releases.Should().Be(0);
        _time.Advance(TimeSpan.FromSeconds(1));
        _releases.Should().Be(1);
    }

    [Fact]
    public void A_page_that_asks_again_and_again_does_not_put_it_off()
    {
        End(MemoryRelease.Burst);
        for (int i = 0; i < 12; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            End(1);
        }

        _releases.Should().Be(1);
    }

    [Fact]
    public void A_few_connections_are_not_worth_it_and_the_next_burst_is()
    {
        End(MemoryRelease.Burst - 1);
        _time.Advance(TimeSpan.FromHours(1));
        _releases.Should().Be(0);

        End(1);
        _time.Advance(MemoryRelease.Quiet);
        _releases.Should().Be(1);

        End(MemoryRelease.Burst);
        _time.Advance(MemoryRelease.Quiet);
        _releases.Should().Be(2);
    }

    [Fact]
    public void What_the_allocator_holds_goes_back_to_the_system()
    {
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libc.so.6", out _))
        {
            return; // Other allocators give it back by themselves.
        }

        const int Count = 4000, Size = 16 * 1024; // Each below the size that glibc maps by itself, 64 MB together.
        nint[] blocks = new nint[Count];
        for (int i = 0; i < Count; i++)
        {
            blocks[i] = Marshal.AllocHGlobal(Size);
            Marshal.WriteByte(blocks[i], 1);
            Marshal.WriteByte(blocks[i] + Size - 1, 1);
        }

        // The last one stays, so that what is below it is not given back at once.
        Array.ForEach(blocks[..^1], Marshal.FreeHGlobal);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        long before = Resident();
        MemoryRelease.ToSystem();
        long after = Resident();
        Marshal.FreeHGlobal(blocks[^1]);

        (before - after).Should().BeGreaterThan(Count / 2 * (long)Size / 4, "each block touches at least two pages of four");
    }

    public void Dispose() => _memory.Dispose();

    private static long Resident()
    {
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }

    private void End(int connections)
    {
        for (int i = 0; i < connections; i++)
        {
            _memory.ConnectionEnded();
        }
    }
}
