using System.Net;
using System.Net.Sockets;
using System.Globalization;
using PortForward.Testing;
using PortForward.Testing.Applications;
using static PortForward.Cli.Tests.DropIn.DropInCase;

namespace PortForward.Cli.Tests.DropIn;

/// <summary>Ports: how they are written, what they lead to, and local ports that cannot be had.</summary>
public sealed class PortTests(DropInCluster cluster) : IClassFixture<DropInCluster>
{
    public static TheoryData<string> Names => NamesOf(Cases);

    internal static IReadOnlyList<DropInCase> Cases { get; } =
    [
        Serves("solo {free}"),
        Serves("solo {free}:7000"),
        Serves("solo 0:7000"),
        Serves("solo :07000"),
        Serves("solo :7000 :8080", ports: 2),
        Serves("solo :7000 :7000", ports: 2),
        Serves("solo {free}:7000 {free}:7000"),
        Serves("solo {free}:7000 {free}:8080"),
        Serves("solo {free}:7000 {free2}:8080", ports: 2),
        Serves("solo :echo"),
        Serves("solo {free}:echo"),
        Serves("solo :web :echo", ports: 2),
        Serves("solo :side", "the port of an init container"),
        Serves("solo :both"),
        Serves("solo :both-udp", "the number is a TCP port too"),
        Serves("solo :5354"),
        Serves("deploy/web :web"),
        Serves("deploy/web :side"),
        Serves("svc/web :http"),
        Serves("svc/web :81"),
        Serves("svc/web :plain"),
        Serves("svc/web {free}:http"),
        Serves("svc/web :http :81", ports: 2),
        Serves("svc/same :7000"),
        Serves("svc/headless :8080"),
        Serves("svc/headless :http"),
        Serves("svc/dns :80"),
        Serves("svc/dns-both :53"),
        Serves("svc/dns-both :dns-tcp"),
        Serves("svc/dns-both :dns-udp"),
        Serves("named-alone alone").With(AddLonePort("named-alone")).InTurn(),
        Serves("deploy/named-deployed alone").With(AddLonePort("named-deployed")).InTurn(),
        Serves("svc/named-served alone").With(AddLonePort("named-served")).InTurn(),
        Serves("svc/named-numbered {free}").With(AddLonePort("named-numbered")).InTurn(),

        Fails("solo {free}:7000:9").ButKubectl(Ending.Serves, "three-part-port", pf: "error: invalid port \"*:7000:9\": expected [LOCAL:]REMOTE"),
        Fails("solo 0"),
        Fails("solo :0"),
        Fails("solo 65536"),
        Fails("solo :65536"),
        Fails("solo 65536:7000"),
        Fails("solo 99999999999999999999:7000"),
        Fails("solo -1"),
        Fails("solo -- -1"),
        Fails("solo :-1"),
        Fails("solo -- -1:7000"),
        Fails("solo :+7000"),
        Fails("solo abc"),
        Fails("solo :abc"),
        Fails("solo abc:7000"),
        Fails("solo echo:7000"),
        Fails("solo :"),
        Fails("solo ::"),
        Fails("solo {free}:"),
        Fails("solo ''"),
        Fails("solo :7000 abc"),
        Fails("solo 8.5"),
        Fails("solo :80/tcp"),
        Fails("solo :0x50"),
        Fails("solo :dns"),
        Fails("solo :5353"),
        Fails("solo :http"),
        Fails("deploy/web :http"),
        Fails("svc/web :83"),
        Fails("svc/web :nope"),
        Fails("svc/web :web"),
        Fails("svc/web :8080"),
        Fails("svc/web :82"),
        Fails("svc/web :strange"),
        Fails("svc/web :0"),
        Fails("svc/dns :53"),
        Fails("svc/dns :dns"),
        Fails("solo {free}:7000", "the local port is taken").With(around => Take(around, 0, IPAddress.Loopback, IPAddress.IPv6Loopback)),
        Fails("--address 127.0.0.1 solo {free}:7000", "the local port is taken").With(around => Take(around, 0, IPAddress.Loopback)),
        Serves("solo {free}:7000 {free2}:7000", "the first local port is taken").With(around => Take(around, 0, IPAddress.Loopback, IPAddress.IPv6Loopback)),
        Serves("solo {free}:7000", "127.0.0.1 is taken, ::1 is free", listeners: 1).With(around => Take(around, 0, IPAddress.Loopback)),
    ];

    [DropInTheory]
    [MemberData(nameof(Names))]
    public Task Pf_takes_ports_as_kubectl_does(string name) => cluster.CompareAsync(Cases.Single(one => one.Name == name));

    /// <summary>A pod, a deployment and a service whose port "alone" has a number that is free here, since it is listened on.</summary>
    private static Action<CaseSurroundings> AddLonePort(string name) => around =>
    {
        int port = int.Parse(around.FreePort(0), CultureInfo.InvariantCulture);
        around.Cluster.Pods.Add(TestPod.Named(name).Label("app", name).Port("alone", port).Serves(port, TestApplications.Echo));
        around.Cluster.Add(TestObjects.Deployment(name, $"app={name}"));
        around.Cluster.Add(TestObjects.Service(name, $"app={name}", new ServicePort(port, "alone", "alone")));
    };

    private static void Take(CaseSurroundings around, int index, params IPAddress[] addresses)
    {
        int port = int.Parse(around.FreePort(index), CultureInfo.InvariantCulture);
        foreach (IPAddress address in addresses)
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            around.Undo(socket);
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen();
        }
    }
}
