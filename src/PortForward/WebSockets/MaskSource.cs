using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace PortForward.WebSockets;

/// <summary>
/// Masks that nobody can foresee, as RFC 6455, section 10.3 asks for. They are generated in blocks, since each call of the generator is a system call.
/// </summary>
internal sealed class MaskSource
{
    private readonly uint[] _block = new uint[64];
    private int _left;

    /// <summary>The next mask. For one caller at a time.</summary>
    public WebSocketMask Next()
    {
        if (_left == 0)
        {
            RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(_block.AsSpan()));
            _left = _block.Length;
        }

        return new WebSocketMask(_block[--_left]);
    }
}
