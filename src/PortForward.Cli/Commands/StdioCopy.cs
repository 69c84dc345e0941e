using PortForward.Cli.Output;
using PortForward.Cluster;

namespace PortForward.Cli.Commands;

/// <summary>
/// Copies stdin to a stream and the stream to stdout. Each direction has a thread of its own: reading and writing a pipe or a terminal blocks, and no such call can be
/// cancelled. They are background threads, so that the program ends without those that still wait.
/// </summary>
/// <param name="stream">The connection to the pod.</param>
internal sealed class StdioCopy(PodStream stream)
{
    /// <summary>How much is read at once: what a pipe holds.</summary>
    private const int BufferSize = 64 * 1024;

    private readonly TaskCompletionSource<StdioEnd> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Copies until the pod's side has ended, or nobody reads stdout any more. The end of stdin ends only its own direction.</summary>
    public Task<StdioEnd> RunAsync()
    {
        new Thread(Send) { IsBackground = true, Name = "stdin" }.Start();
        new Thread(Receive) { IsBackground = true, Name = "stdout" }.Start();
        return _end.Task;
    }

    private void Send()
    {
        byte[] buffer = new byte[BufferSize];
        try
        {
            int length;
            StreamFault? fault;
            while ((length = StandardStream.Input.Read(buffer, out fault)) > 0)
            {
                stream.Write(buffer, 0, length);
            }

            if (length < 0)
            {
                _end.TrySetResult(StdioEnd.Failed($"stdin cannot be read: {fault!.Reason}", Reasons.Run));
                return;
            }

            stream.CompleteWrites();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return; // The pod's side has ended, and the other direction tells how.
        }

        // An answer may take long, and it is in vain when nobody is left to read it.
        if (StandardStream.Output.WaitUntilClosed())
        {
            _end.TrySetResult(StdioEnd.OutputClosed);
        }
    }

    private void Receive()
    {
        byte[] buffer = new byte[BufferSize];
        try
        {
            while (stream.Read(buffer, 0, BufferSize) is > 0 and int length)
            {
                if (StandardStream.Output.Write(buffer.AsSpan(0, length)) is { } fault)
                {
                    _end.TrySetResult(StdioEnd.OutputFailed(fault));
                    return;
                }
            }

            _end.TrySetResult(StdioEnd.Whole);
        }
        catch (IOException e)
        {
            _end.TrySetResult(StdioEnd.Failed(e.Message, stream.End is { } end ? Reasons.Of(end) : Reasons.Stopped));
        }
        catch (ObjectDisposedException)
        {
            // The program ends.
        }
    }
}
