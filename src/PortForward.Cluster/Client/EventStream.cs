using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using PortForward.Forwarding;

namespace PortForward.Cluster;

/// <summary>
/// The events of one forward. They come from its listeners, its connections, its router and its credentials, each on threads of its own; here they become one
/// stream, told one at a time and in one order.
/// </summary>
/// <remarks>
/// A source waits while an event of another one is told, so nothing piles up behind a slow receiver. What a receiver causes while it is told something is told
/// after that.
/// </remarks>
/// <param name="tell">Takes each event.</param>
/// <param name="logger">Takes what a receiver throws.</param>
internal sealed partial class EventStream(Action<ForwardEvent> tell, ILogger logger)
{
    /// <summary>How many events a reader may be behind before it misses the oldest of them.</summary>
    internal const int ReaderCapacity = 1024;

    private readonly Lock _gate = new();
    private readonly Queue<ForwardEvent> _next = new();
    private readonly List<Reader> _readers = [];
    private bool _isTelling;
    private bool _hasEnded;

    /// <summary>Tells an event to everybody before it returns, unless another event is just being told by the same thread.</summary>
    public void Tell(ForwardEvent forwardEvent)
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                return; // A dial that nobody waits for may end later than everything else.
            }

            _next.Enqueue(forwardEvent);
            if (_isTelling)
            {
                return;
            }

            _isTelling = true;
            try
            {
                while (_next.TryDequeue(out ForwardEvent? next))
                {
                    TellNow(next);
                }
            }
            finally
            {
                _isTelling = false;
            }
        }
    }

    /// <summary>No event is told any more: whoever reads comes to the end.</summary>
    public void End()
    {
        lock (_gate)
        {
            _hasEnded = true;
            _readers.ForEach(static reader => reader.Events.Writer.TryComplete());
        }
    }

    /// <summary>Reads the events from now on, until the last one. A reader that is too slow misses the oldest ones, and is told how many.</summary>
    public IAsyncEnumerable<ForwardEvent> ReadAsync(CancellationToken cancellationToken)
    {
        var reader = new Reader();
        lock (_gate)
        {
            if (_hasEnded)
            {
                reader.Events.Writer.TryComplete();
            }
            else
            {
                _readers.Add(reader);
            }
        }

        return ReadAsync(reader, cancellationToken);
    }

    private async IAsyncEnumerable<ForwardEvent> ReadAsync(Reader reader, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            while (await reader.Events.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                (ForwardEvent? next, int missed) = Take(reader);
                if (missed > 0)
                {
                    yield return new EventsMissed(missed);
                }

                if (next is not null)
                {
                    yield return next;
                }
            }
        }
        finally
        {
            lock (_gate)
            {
                _readers.Remove(reader);
                reader.Events.Writer.TryComplete(); // For those who read it again.
            }
        }
    }

    /// <summary>The next event of a reader, and how many it has missed before that: events are dropped under the same lock.</summary>
    private (ForwardEvent? Next, int Missed) Take(Reader reader)
    {
        lock (_gate)
        {
            return (reader.Events.Reader.TryRead(out ForwardEvent? next) ? next : null, reader.TakeMissed());
        }
    }

    private void TellNow(ForwardEvent forwardEvent)
    {
        foreach (Reader reader in _readers)
        {
            reader.Events.Writer.TryWrite(forwardEvent);
        }

        try
        {
            tell(forwardEvent);
        }
        catch (Exception e)
        {
            // The receiver's own fault, which must end neither the connection nor the loop that has something to tell.
            LogReceiverFailed(e, forwardEvent.GetType().Name);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The receiver of events has failed at {Event}")]
    private partial void LogReceiverFailed(Exception exception, string @event);

    /// <summary>Events that wait to be read, and how many were dropped.</summary>
    private sealed class Reader
    {
        private int _missed;

        public Reader() => Events = Channel.CreateBounded<ForwardEvent>(
            new BoundedChannelOptions(ReaderCapacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
            _ => Interlocked.Increment(ref _missed));

        public Channel<ForwardEvent> Events { get; }

        public int TakeMissed() => Interlocked.Exchange(ref _missed, 0);
    }
}
