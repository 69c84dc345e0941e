using System.Diagnostics;
using System.Net.Sockets;
using PortForward.Cluster.Tests.Routing;
using PortForward.Forwarding;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>How long a forward idles, and what it has to survive.</summary>
/// <param name="Duration">For how long.</param>
/// <param name="IdleLimit">After which time idle connections are cut.</param>
/// <param name="LivenessTimeout">The forward's own limit; a tunnel is pinged three times in it.</param>
/// <param name="Pause">The time between two new connections.</param>
internal sealed record IdlePlan(TimeSpan Duration, TimeSpan IdleLimit, TimeSpan LivenessTimeout, TimeSpan Pause)
{
    /// <summary>A ping every second, against a limit of three: a busy machine may be late.</summary>
    public static readonly IdlePlan Short = new(TimeSpan.FromSeconds(6.5), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(1));
}

/// <summary>A forward that idles: nothing may happen to it.</summary>
internal static class Idling
{
    /// <summary>Idles with each transport at the same time.</summary>
    /// <param name="where">Where, for messages.</param>
    /// <param name="kubeconfig">What leads there.</param>
    /// <param name="plan">For how long, and what it has to survive.</param>
    /// <param name="check">Looks at what is there once a transport has idled, if there is anything to look at.</param>
    public static Task WithEachTransportAsync(string where, string kubeconfig, IdlePlan plan, Func<string, Task>? check = null) =>
        Task.WhenAll(TransportMatrixTests.Transports.Select(transport => IdleAsync($"{transport} {where}", kubeconfig, transport, plan, check)));

    /// <summary>Holds a connection open and idle for the whole time, and opens others now and then.</summary>
    private static async Task IdleAsync(string way, string kubeconfig, string transport, IdlePlan plan, Func<string, Task>? check)
    {
        await using RoutedForward forward = await KubeconfigForward.StartAsync(
            kubeconfig,
            transport,
            [RoutedForward.Echo],
            new TunnelDialOptions { LivenessTimeout = plan.LivenessTimeout },
            new PortForwarderOptions { HalfCloseTimeout = plan.Pause / 2 });
        using Socket held = await forward.ConnectAsync();
        await RoutedForward.EchoAsync(held, "before");
        long began = Stopwatch.GetTimestamp();
        int others = 0;
        for (; Stopwatch.GetElapsedTime(began) < plan.Duration; others++)
        {
            await Task.Delay(plan.Pause);
            await forward.EchoOnceAsync($"{way} after {Stopwatch.GetElapsedTime(began)}");
        }

        await RoutedForward.EchoAsync(held, "after");
        await Waiting.UntilAsync(() => forward.Events.OfType<ConnectionClosed>().Count() >= others);
        forward.Events.OfType<ConnectionClosed>().Should().HaveCount(others, "{0} the first one is still there", way).And.OnlyContain(
            closed => closed.End.Kind == ConnectionEndKind.Completed || closed.End.Kind == ConnectionEndKind.ClientGone,
            "{0} each of the others ended well: its client closed it, which not every system tells", way);
        forward.Events.Where(one => one is not (ListenerOpened or ConnectionAccepted or ConnectionClosed)).Should().BeEmpty("{0} nothing is to be told", way);
        await (check?.Invoke(transport) ?? Task.CompletedTask);
    }
}
