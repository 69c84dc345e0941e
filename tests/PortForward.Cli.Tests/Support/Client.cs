using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PortForward.Cli.Tests.Support;

/// <summary>A local client of a forwarded port.</summary>
internal sealed class Client : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    private bool _wasResetAtOnce;
    private bool _wasResetOnSend;

    public static async Task<Client> ConnectAsync(int port)
    {
        var client = new Client();
        try
        {
            await client._socket.ConnectAsync(IPAddress.Loopback, port).Soon();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            client._wasResetAtOnce = true; // It was connected, and reset before it could look.
        }

        return client;
    }

    /// <summary>Sends a text. A connection that is reset already, or meanwhile, is no failure: <see cref="ReceiveToEndAsync"/> tells.</summary>
    public async Task SendAsync(string text)
    {
        if (_wasResetAtOnce)
        {
            return;
        }

        try
        {
            await _socket.SendAsync(Encoding.ASCII.GetBytes(text)).Soon();
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown)
        {
            _wasResetOnSend = true;
        }
    }

    public void FinishSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Receives exactly so many characters.</summary>
    public async Task<string> ReceiveAsync(int count)
    {
        byte[] buffer = new byte[count];
        int length = 0;
        while (length < count)
        {
            int received = await _socket.ReceiveAsync(buffer.AsMemory(length)).Soon();
            received.Should().BePositive("the answer is not over");
            length += received;
        }

        return Encoding.ASCII.GetString(buffer);
    }

    /// <summary>Receives until the connection ends, and says how it ended.</summary>
    public async Task<(byte[] Bytes, bool WasReset)> ReceiveToEndAsync()
    {
        if (_wasResetAtOnce)
        {
            return ([], true);
        }

        using var bytes = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await _socket.ReceiveAsync(buffer.AsMemory()).Soon() is > 0 and int received)
            {
                bytes.Write(buffer, 0, received);
            }

            return (bytes.ToArray(), _wasResetOnSend);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            return (bytes.ToArray(), true);
        }
    }

    public void Dispose() => _socket.Dispose();
}
