using System.Net;
using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Tests.Support;

namespace PortForward.Tests.Forwarding;

/// <summary>What the system knows of the other end of a connection.</summary>
public sealed class SocketDiagnosisTests
{
    [LinuxFact]
    public async Task A_client_that_has_only_finished_sending_has_not_closed()
    {
        (Socket client, Socket accepted) = await Sockets.ConnectedPairAsync();
        using (client)
        using (accepted)
        {
            SocketDiagnosis.IsClosedByClient(accepted).Should().BeFalse();
            client.Shutdown(SocketShutdown.Send);
            SocketDiagnosis.IsClosedByClient(accepted).Should().BeFalse();
        }
    }

    [LinuxFact]
    public async Task A_client_that_has_closed_has()
    {
        (Socket client, Socket accepted) = await Sockets.ConnectedPairAsync();
        using (accepted)
        {
            client.Dispose();

            SocketDiagnosis.IsClosedByClient(accepted).Should().BeTrue();
        }
    }

    [LinuxFact]
    public void Of_a_client_that_the_system_does_not_find_nothing_is_known()
    {
        // It may live under other addresses, where a firewall translates them on the way.
        SocketDiagnosis.IsClosed(new IPEndPoint(IPAddress.Loopback, 1), new IPEndPoint(IPAddress.Loopback, 2)).Should().BeNull();
        SocketDiagnosis.IsClosed(new IPEndPoint(IPAddress.IPv6Loopback, 1), new IPEndPoint(IPAddress.IPv6Loopback, 2)).Should().BeNull();
    }

    [LinuxFact]
    public void Of_a_client_elsewhere_nothing_is_known()
    {
        SocketDiagnosis.IsClosed(new IPEndPoint(IPAddress.Parse("192.0.2.1"), 1), new IPEndPoint(IPAddress.Parse("192.0.2.2"), 2)).Should().BeNull();
    }

    [LinuxFact]
    public async Task Many_may_ask_at_a_time_and_each_gets_its_own_answer()
    {
        (Socket Client, Socket Accepted)[] pairs = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Sockets.ConnectedPairAsync()));
        for (int i = 0; i < pairs.Length; i += 2)
        {
            pairs[i].Client.Dispose();
        }

        Parallel.For(0, 800, i => SocketDiagnosis.IsClosedByClient(pairs[i % 8].Accepted).Should().Be(i % 2 == 0));

        foreach ((Socket client, Socket accepted) in pairs)
        {
            client.Dispose();
            accepted.Dispose();
        }
    }

    [Fact]
    public async Task That_a_client_has_finished_is_seen_behind_bytes_that_nobody_has_read()
    {
        (Socket client, Socket accepted) = await Sockets.ConnectedPairAsync();
        using (client)
        using (accepted)
        {
            await client.SendAsync("question");
            ClientSocket.HasFinished(accepted).Should().BeFalse();

            if (OperatingSystem.IsWindows())
            {
                await accepted.ReceiveTextAsync(8); // There it is seen only when they are read.
            }

            client.Shutdown(SocketShutdown.Send);

            await Waiting.UntilAsync(() => ClientSocket.HasFinished(accepted));
        }
    }
}
