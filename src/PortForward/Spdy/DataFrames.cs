namespace PortForward.Spdy;

/// <summary>The data frames of one write: at least one, and as many as the bytes need.</summary>
/// <param name="session">The session that sends them.</param>
/// <param name="stream">Whose bytes they carry.</param>
/// <param name="data">The bytes; may be empty.</param>
/// <param name="flags">The flags of each frame.</param>
internal readonly struct DataFrames(SpdySession session, SpdyStream stream, ReadOnlyMemory<byte> data, FrameFlags flags)
{
    /// <summary>How many bytes they have, with their headers.</summary>
    public int Size => data.Length + (FrameHeader.Size * FrameCount);

    private int FrameCount => Math.Max(1, (data.Length + session.Options.MaxDataFrameSize - 1) / session.Options.MaxDataFrameSize);

    /// <summary>Writes the frames and returns how many bytes they have; 0 if the stream sends no more.</summary>
    public int Compose(Span<byte> destination) => stream.TryBeginSend(flags) ? Write(destination) : 0;

    /// <summary>Writes the frames and returns how many bytes they have.</summary>
    public int Write(Span<byte> destination)
    {
        bool isData = data.Length > 0;
        stream.NoteSent(session.Workers.Send(stream.Id, FrameCount, isData), isData);
        ReadOnlySpan<byte> rest = data.Span;
        int length = 0;
        do
        {
            ReadOnlySpan<byte> frame = rest[..Math.Min(rest.Length, session.Options.MaxDataFrameSize)];
            FrameHeader.Data(stream.Id, flags, frame.Length).Write(destination[length..]);
            frame.CopyTo(destination[(length + FrameHeader.Size)..]);
            length += FrameHeader.Size + frame.Length;
            rest = rest[frame.Length..];
        }
        while (!rest.IsEmpty);

        return length;
    }
}
