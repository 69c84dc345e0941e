using System.Buffers;
using System.Diagnostics;
using System.Net.Sockets;
using System.Threading.Channels;

namespace PortForward.Benchmarks.Network;

/// <summary>One direction of a connection through a <see cref="DelayRelay"/>: what comes in goes out a given time later, as fast as it came.</summary>
internal sealed class DelayedLine(Socket from, Socket to, TimeSpan delay, DelayClock clock)
{
    private const int ReadSize = 64 * 1024;

    /// <summary>How many reads may be on their way: 64 MiB, which 50 ms hold at more than 1 GB/s. Beyond it the sender feels the receiver's pace.</summary>
    private const int MostParcels = 1024;

    private readonly Channel<Parcel> _onTheWay = Channel.CreateBounded<Parcel>(new BoundedChannelOptions(MostParcels) { SingleReader = true, SingleWriter = true });

    private enum ParcelKind
    {
        Bytes,
        End,
        Reset,
    }

    /// <summary>Runs until this direction has ended; the ends arrive late as well.</summary>
    public Task RunAsync() => Task.WhenAll(TakeAsync(), HandOverAsync());

    private async Task TakeAsync()
    {
        try
        {
            while (true)
            {
                var buffer = ArrayPool<byte>.Shared.Rent(ReadSize);
                var length = await from.ReceiveAsync(buffer.AsMemory(0, ReadSize));
                await SendOffAsync(length > 0 ? ParcelKind.Bytes : ParcelKind.End, buffer, length);
                if (length == 0)
                    return;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            await SendOffAsync(ParcelKind.Reset, [], 0);
        }
        catch (ChannelClosedException)
        {
            // The receiver is gone.
        }
    }

    private async Task HandOverAsync()
    {
        try
        {
            await foreach (var parcel in _onTheWay.Reader.ReadAllAsync())
            {
                await clock.UntilAsync(parcel.Due);
                switch (parcel.Kind)
                {
                    case ParcelKind.Bytes:
                        for (var rest = parcel.Buffer.AsMemory(0, parcel.Length); !rest.IsEmpty;)
                            rest = rest[await to.SendAsync(rest)..];
                        ArrayPool<byte>.Shared.Return(parcel.Buffer);
                        break;
                    case ParcelKind.End:
                        to.Shutdown(SocketShutdown.Send);
                        return;
                    case ParcelKind.Reset:
                        to.Close(timeout: 0);
                        return;
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            from.Close(timeout: 0);
        }
        finally
        {
            _onTheWay.Writer.TryComplete();
        }
    }

    private ValueTask SendOffAsync(ParcelKind kind, byte[] buffer, int length) =>
        _onTheWay.Writer.WriteAsync(new Parcel(kind, buffer, length, Stopwatch.GetTimestamp() + (long)(delay.TotalSeconds * Stopwatch.Frequency)));

    private readonly record struct Parcel(ParcelKind Kind, byte[] Buffer, int Length, long Due);
}
