using System.Net.Sockets;

namespace PortForward.TestSupport;

/// <summary>Clients whose connection is reset.</summary>
internal static class ResetClients
{
    /// <summary>Whether a connection ends with a reset, and not with an answer or an orderly end.</summary>
    /// <remarks>A reset can be there before the client has looked whether it is connected, or while it sends: then the connect or the send fails with it.</remarks>
    /// <param name="connecting">The connection, which is closed afterwards.</param>
    /// <param name="request">What the client sends; nothing if empty.</param>
    public static async Task<bool> IsResetAsync(this Task<Socket> connecting, ReadOnlyMemory<byte> request = default)
    {
        try
        {
            using Socket client = await connecting.Soon();
            if (!request.IsEmpty)
            {
                await client.SendAsync(request).Soon();
            }

            await client.ReceiveAsync(new byte[1].AsMemory()).Soon();
            return false;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            return true;
        }
    }
}
