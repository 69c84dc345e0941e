using PortForward.Fuzzing.Engine;

namespace PortForward.Fuzzing.Support;

/// <summary>Frames that a server may send, whole or only begun.</summary>
internal static class SpdyFrames
{
    public static IReadOnlyList<byte[]> All { get; } =
    [
        .. new[]
        {
            "8003 0002 00 000004 00000001", // SYN_REPLY
            "8003 0002 01 000004 00000003", // SYN_REPLY with FIN
            "8003 0003 00 000008 00000001 00000005", // RST_STREAM
            "8003 0003 00 000008 00000003 00000001",
            "8003 0003 00 000008 00000003 00000000", // with an illegal status
            "8003 0006 00 000004 00000001", // PING, an answer
            "8003 0006 00 000004 00000003",
            "8003 0006 00 000004 00000002", // PING, a question
            "8003 0007 00 000008 00000001 00000000", // GOAWAY
            "8003 0007 00 000008 00000000 00000000",
            "8003 0001 00 00000a 00000002 00000000 0000", // SYN_STREAM
            "8003 0004 00 000004 00000000", // SETTINGS
            "8003 0008 01 000004 00000001", // HEADERS with FIN
            "8003 0009 00 000008 00000001 00010000", // WINDOW_UPDATE
            "00000001 00 000003 \"abc\"", // data
            "00000003 01 000002 \"de\"", // data with FIN
            "00000001 01 000000", // FIN
            "00000003 01 000000",
            "00000005 00 000001 78", // a stream that is not known
            "00000003 00 010000", // much data, which does not follow
            "8003 000f 00 ffffff", // an unknown type, of which nothing follows
            "8002 0006 00 000004 00000001", // another version
        }.Select(InputFile.Parse),
    ];
}
