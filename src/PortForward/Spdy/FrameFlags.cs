namespace PortForward.Spdy;

/// <summary>The flag bits of a frame (SPDY/3.1 draft, sections 2.2.1, 2.2.2 and 2.6.1).</summary>
[Flags]
internal enum FrameFlags : byte
{
    None = 0,

    /// <summary>The sender has finished with the stream: no further frame of it follows.</summary>
    Fin = 0x01,

    /// <summary>On a SYN_STREAM only: the receiver starts with its own side closed.</summary>
    Unidirectional = 0x02,
}
