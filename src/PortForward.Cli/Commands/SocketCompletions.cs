using System.Net.Sockets;

namespace PortForward.Cli.Commands;

/// <summary>On which thread code goes on that has waited for a socket.</summary>
internal static class SocketCompletions
{
    private const string Variable = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>
    /// Lets it go on in the thread that gets the system's event, instead of in another one, which saves a third of the processor time (docs/decisions/0012). No
    /// such code may block, and loops over sockets that always have more must yield now and then, since the other sockets of their thread wait meanwhile. A
    /// user's own setting counts.
    /// </summary>
    public static void RunInline()
    {
        if (OperatingSystem.IsWindows() || Environment.GetEnvironmentVariable(Variable) is not null)
        {
            return;
        }

        // The runtime looks at the variable when it waits for a socket for the first time. Child processes are not to see it.
        Environment.SetEnvironmentVariable(Variable, "1");
        using (var nobody = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
        {
            _ = WaitForNothingAsync(nobody);
        }

        Environment.SetEnvironmentVariable(Variable, null);
    }

    private static async Task WaitForNothingAsync(Socket socket)
    {
        try
        {
            await socket.ReceiveAsync(new byte[1]);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It was closed, as is meant.
        }
    }
}
