using System.Net.Sockets;
using PortForward.Testing.Applications;

namespace PortForward.Testing.PortForwarding;

/// <summary>The runtime's copy loop between one client stream and one connection to the pod's application.</summary>
internal static class SandboxForwarder
{
    private const int BufferLength = 32 * 1024;

    /// <summary>Forwards until the connection is over, and ends the client's data stream.</summary>
    /// <returns>The text for the error stream, or null when all went well.</returns>
    public static async Task<string?> ForwardAsync(Sandbox sandbox, int port, IForwardStream stream, PortForwardOptions options, CancellationToken cancellationToken)
    {
        var error = await TryForwardAsync(sandbox, port, stream, options, cancellationToken);
        return error is null ? null : $"error forwarding port {port} to pod {sandbox.Id}, uid : {error}";
    }

    private static async Task<string?> TryForwardAsync(Sandbox sandbox, int port, IForwardStream stream, PortForwardOptions options, CancellationToken cancellationToken)
    {
        if (sandbox.Failure is { } gone)
            return gone;

        var inNamespace = $"failed to execute portforward in network namespace \"{sandbox.NetworkNamespace}\": ";
        using var application = await sandbox.Applications.TryConnectAsync(port, cancellationToken);
        if (application is null)
        {
            await stream.CloseAsync();
            return $"{inNamespace}failed to connect to localhost:{port} inside namespace \"{sandbox.NetworkNamespace}\", " +
                   $"IPv4: dial tcp4 127.0.0.1:{port}: connect: connection refused IPv6 dial tcp6 [::1]:{port}: connect: connection refused ";
        }

        var error = options.Runtime switch
        {
            ContainerRuntime.CriDockerd => await CopyWithHalfCloseAsync(application, stream, cancellationToken),
            _ => await CopyUntilFirstEndAsync(application, stream, options, cancellationToken),
        };
        await stream.CloseAsync();
        return error is null ? null : $"{inNamespace}{error.Replace("{port}", port.ToString(), StringComparison.Ordinal)}";
    }

    /// <summary>containerd's and CRI-O's rule: the first end gives the other direction one second, then the socket is closed.</summary>
    private static async Task<string?> CopyUntilFirstEndAsync(
        PodConnection application, IForwardStream stream, PortForwardOptions options, CancellationToken cancellationToken)
    {
        var toClient = CopyToClientAsync(application.Socket, stream, cancellationToken);
        var toApplication = CopyToApplicationAsync(application.Socket, stream, cancellationToken);
        var first = await Task.WhenAny(toClient, toApplication);
        var other = first == toClient ? toApplication : toClient;
        var error = await first;

        using var graceOver = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var grace = Task.Delay(options.GraceAfterFirstEnd, options.TimeProvider, graceOver.Token);
        if (await Task.WhenAny(other, grace) == other)
            error ??= await other;
        await graceOver.CancelAsync();
        return error;
    }

    private static async Task<string?> CopyWithHalfCloseAsync(PodConnection application, IForwardStream stream, CancellationToken cancellationToken)
    {
        var toClient = CopyToClientAsync(application.Socket, stream, cancellationToken);
        var toApplication = CopyToApplicationAsync(application.Socket, stream, cancellationToken);
        if (await Task.WhenAny(toClient, toApplication) == toApplication)
        {
            ShutdownSend(application.Socket);
            return await toClient;
        }

        return await toClient;
    }

    private static async Task<string?> CopyToClientAsync(Socket application, IForwardStream stream, CancellationToken cancellationToken)
    {
        var buffer = new byte[BufferLength];
        try
        {
            while (await application.ReceiveAsync(buffer, cancellationToken) is var read and > 0)
                await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            return null;
        }
        catch (SocketException failed) when (failed.SocketErrorCode is SocketError.ConnectionReset)
        {
            return "read tcp4 127.0.0.1:40112->127.0.0.1:{port}: read: connection reset by peer";
        }
        catch (Exception over) when (over is SocketException or ObjectDisposedException or OperationCanceledException or IOException)
        {
            return null;
        }
    }

    private static async Task<string?> CopyToApplicationAsync(Socket application, IForwardStream stream, CancellationToken cancellationToken)
    {
        try
        {
            while (await stream.ReadAsync(cancellationToken) is { } bytes)
            {
                for (var sent = 0; sent < bytes.Length;)
                    sent += await application.SendAsync(bytes.AsMemory(sent), cancellationToken);
            }

            return null;
        }
        catch (SocketException failed) when (failed.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            return failed.SocketErrorCode is SocketError.ConnectionReset
                ? "write tcp4 127.0.0.1:40112->127.0.0.1:{port}: write: connection reset by peer"
                : "write tcp4 127.0.0.1:40112->127.0.0.1:{port}: write: broken pipe";
        }
        catch (Exception over) when (over is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            return null;
        }
    }

    private static void ShutdownSend(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // The application was faster and is gone.
        }
    }
}
