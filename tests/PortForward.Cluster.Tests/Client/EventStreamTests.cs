using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Forwarding;

namespace PortForward.Cluster.Tests.Client;

public sealed class EventStreamTests
{
    private readonly List<string> _told = [];

    [Fact]
    public void What_a_receiver_causes_while_it_is_told_something_is_told_after_that()
    {
        EventStream? events = null;
        events = new EventStream(
            next =>
            {
                string text = ((TargetNote)next).Text;
                if (text == "first")
                {
                    events!.Tell(new TargetNote("caused by the first"));
                }

                _told.Add(text);
            },
            NullLogger.Instance);

        events.Tell(new TargetNote("first"));
        events.Tell(new TargetNote("second"));

        _told.Should().Equal("first", "caused by the first", "second");
    }

    [Fact]
    public async Task A_source_waits_while_another_one_is_told()
    {
        using var entered = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        var events = new EventStream(
            next =>
            {
                _told.Add(((TargetNote)next).Text);
                entered.Set();
                leave.Wait(Waiting.Patience);
            },
            NullLogger.Instance);
        var slow = new Thread(() => events.Tell(new TargetNote("slow")));
        slow.Start();
        entered.Wait(Waiting.Patience).Should().BeTrue();
        var other = new Thread(() => events.Tell(new TargetNote("other")));
        other.Start();

        await Waiting.UntilAsync(() => other.ThreadState.HasFlag(ThreadState.WaitSleepJoin));
        _told.Should().Equal("slow");
        leave.Set();

        (slow.Join(Waiting.Patience) && other.Join(Waiting.Patience)).Should().BeTrue();
        _told.Should().Equal("slow", "other");
    }

    [Fact]
    public async Task A_reader_that_is_too_slow_misses_the_oldest_events_and_is_told_how_many()
    {
        var events = new EventStream(static _ => { }, NullLogger.Instance);
        IAsyncEnumerable<ForwardEvent> slow = events.ReadAsync(CancellationToken.None);
        for (int i = 0; i < EventStream.ReaderCapacity + 3; i++)
        {
            events.Tell(new TargetNote($"{i}"));
        }

        events.End();
        List<ForwardEvent> read = [];
        await foreach (ForwardEvent next in slow)
        {
            read.Add(next);
        }

        read[0].Should().Be(new EventsMissed(3));
        read.Skip(1).Cast<TargetNote>().Select(note => note.Text).Should().Equal(Enumerable.Range(3, EventStream.ReaderCapacity).Select(i => $"{i}"));
    }

    [Fact]
    public async Task After_the_end_nothing_is_told_and_there_is_nothing_to_read()
    {
        var events = new EventStream(next => _told.Add(((TargetNote)next).Text), NullLogger.Instance);
        events.Tell(new TargetNote("last"));
        events.End();
        events.Tell(new TargetNote("too late"));

        _told.Should().Equal("last");
        await foreach (ForwardEvent next in events.ReadAsync(CancellationToken.None))
        {
            Assert.Fail($"{next} comes after the end");
        }
    }

    [Fact]
    public async Task Events_that_are_read_again_come_to_their_end()
    {
        var events = new EventStream(static _ => { }, NullLogger.Instance);
        IAsyncEnumerable<ForwardEvent> read = events.ReadAsync(CancellationToken.None);
        events.Tell(new TargetNote("one"));
        await foreach (ForwardEvent _ in read)
        {
            break;
        }

        int more = 0;
        await foreach (ForwardEvent _ in read)
        {
            more++;
        }

        more.Should().Be(0);
    }
}
