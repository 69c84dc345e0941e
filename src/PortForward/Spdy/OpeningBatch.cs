namespace PortForward.Spdy;

/// <summary>SYN_STREAMs and initial data that go out in one write. Ids are given and headers encoded in the order of the wire.</summary>
/// <param name="session">The session that opens the streams.</param>
/// <param name="openings">What to open.</param>
/// <param name="streams">The new streams, one for each opening.</param>
/// <param name="initialData">Bytes for the last stream.</param>
internal sealed class OpeningBatch(SpdySession session, IReadOnlyList<StreamOpening> openings, SpdyStream[] streams, ReadOnlyMemory<byte> initialData)
{
    /// <summary>Whether the streams have become part of the session.</summary>
    public bool IsRegistered { get; private set; }

    /// <summary>Writes the frames and returns how many bytes they have; 0 if the session opens no streams any more.</summary>
    public int Compose(Span<byte> destination)
    {
        IsRegistered = session.TryRegister(streams);
        if (!IsRegistered)
        {
            return 0;
        }

        int length = 0;
        for (int i = 0; i < streams.Length; i++)
        {
            FrameFlags flags = openings[i].Finish ? FrameFlags.Fin : FrameFlags.None;
            length += ControlFrames.WriteSynStream(destination[length..], streams[i].Id, flags, openings[i].Headers, session.HeaderEncoder);
        }

        if (!initialData.IsEmpty)
        {
            length += new DataFrames(session, streams[^1], initialData, FrameFlags.None).Write(destination[length..]);
        }

        return length;
    }
}
