using System.Globalization;
using System.Net;
using System.Net.Sockets;
using PortForward.Testing;
using PortForward.Testing.Applications;
using static PortForward.Cli.Tests.DropIn.DropInCase;

namespace PortForward.Cli.Tests.DropIn;

/// <summary>Ports: how they are written, what they lead to, and local ports that cannot be had.</summary>
public sealed class PortTests(DropInCluster cluster) : IClassFixture<DropInCluster>
{
    private const string HeadlessNote = "note: service headless is headless: its port 8080 leads to port 8080 of the pod and not to its targetPort 7000; use pod/* :7000 for that one";

    public static TheoryData<string> Names => NamesOf(Cases);

    internal static IReadOnlyList<DropInCase> Cases { get; } =
    [
        Serves("solo {free}"),
        Serves("solo {free}:7000").Thorough(),
        Serves("solo 0:7000").Thorough(),
        Serves("solo :07000").Thorough(),
        Serves("solo :7000 :8080", ports: 2),
        Serves("solo :7000 :7000", ports: 2).Thorough(),
        Serves("solo {free}:7000 {free}:7000"),
        Serves("solo {free}:7000 {free}:8080")
            .InOtherWords("notes", "Unable to listen on port *: Listeners failed to create with the following errors: [unable to create listener: Error list*", "note: local port * is asked for twice: *:8080 is left out, *:7000 has it"),
        Serves("solo {free}:7000 {free2}:8080", ports: 2),
        Serves("solo :echo"),
        Serves("solo {free}:echo").Thorough(),
        Serves("solo :web :echo", ports: 2).Thorough(),
        Serves("solo :side", "the port of an init container"),
        Serves("solo :both").Thorough(),
        Serves("solo :5354").Thorough(),
        Serves("deploy/web :web").Thorough(),
        Serves("deploy/web :side").Thorough(),
        Serves("svc/web :http"),
        Serves("svc/web :81").Thorough(),
        Serves("svc/web :plain").Thorough(),
        Serves("svc/web {free}:http").Thorough(),
        Serves("svc/web :http :81", ports: 2).Thorough(),
        Serves("svc/same :7000"),
        Serves("svc/headless :8080").InOtherWords("notes", null, HeadlessNote),
        Serves("svc/headless :http").InOtherWords("notes", null, HeadlessNote).Thorough(),
        Serves("svc/dns :80").Thorough(),
        Serves("svc/dns-both :53").Thorough(),
        Serves("svc/dns-both :dns-tcp").Thorough(),
        Serves("svc/several :53", "kubectl takes the first entry, which is UDP").PrintingOtherwise("tcp-only"),
        Serves("svc/several :dns-tcp", "kubectl takes the first entry of its number, which is UDP").PrintingOtherwise("tcp-only"),
        Serves("solo 127.0.0.1:{free}:7000", listeners: 1).ButKubectl(Ending.Fails, "local-address"),
        Serves("solo [::1]::7000", listeners: 1).ButKubectl(Ending.Fails, "local-address").Thorough(),
        Fails("solo unix:/tmp/:7000").ButKubectl(
            Ending.Fails, "socket-file", pf: "error: invalid port \"unix:/tmp/:7000\": /tmp/ is a folder; the name of the socket is missing*"),
        Fails("solo unix:7000").InOtherWords("clearer-words", "error: *", "error: invalid port \"unix:7000\": a path or a remote port is missing, expected unix:PATH:REMOTE*"),
        Serves("solo 20000-60000:7000").ButKubectl(Ending.Fails, "local-range"),
        Fails("solo {free}:localhost:80", "ssh's order").ButKubectl(Ending.Serves, "three-part-port", pf: "error: invalid port *: the address comes first, as in localhost:*:80"),
        Fails("up web").ButKubectl(Ending.Fails, "subcommands", pf: "error: there is no pf.yaml here, *"),
        Fails("check").ButKubectl(Ending.Fails, "subcommands", pf: "error: there is no pf.yaml here, *"),
        Fails("up web -- psql").ButKubectl(Ending.Fails, "subcommands", pf: "error: there is no pf.yaml here, *").Thorough(),
        Fails("doctor web").ButKubectl(Ending.Fails, "reserved-words", pf: "error: pf doctor is kept for later; the pod is pod/doctor, as in pf pod/doctor 8080"),
        Fails("up 8080", "a port makes it the pod"),
        Serves("solo :7000 svc/web :http", ports: 2).ButKubectl(Ending.Fails, "many-targets"),
        Serves("solo :7000 echo=pod/solo :8080", ports: 2).ButKubectl(Ending.Fails, "many-targets").Thorough(),
        Fails("svc/web@ :http").ButKubectl(Ending.Fails, "clearer-words", pf: "error: svc/web@: the namespace is missing after '@'"),
        Serves("solo :7000 -- :8080", ports: 2),
        Serves("solo {free} -- {free2}:8080", ports: 2).Thorough(),
        Serves("solo :7000 --"),
        Fails("proxy 8080", "a port makes it the pod"),
        Fails("proxy alone", "a pod of that name").With(AddLonePort("proxy"))
            .ButKubectl(Ending.Serves, "reserved-words", pf: "error: pf proxy is kept for later; the pod is pod/proxy, as in pf pod/proxy 8080"),
        Fails("solo :7000 -- web", "the name of a port", ports: 2).ButKubectl(Ending.Serves, "command", pf: "error: web was not found in PATH").EndingWith(127),
        Prints("solo :7000 -- printf %s hello").ButKubectl(Ending.Fails, "command"),
        Serves("named-alone alone").With(AddLonePort("named-alone")).InTurn(),
        Serves("deploy/named-deployed alone").With(AddLonePort("named-deployed")).InTurn().Thorough(),
        Serves("svc/named-served alone").With(AddLonePort("named-served")).InTurn(),
        Serves("svc/named-numbered {free}").With(AddLonePort("named-numbered")).InTurn().Thorough(),

        Fails("solo {free}:7000:9").ButKubectl(Ending.Serves, "three-part-port", pf: "error: invalid port \"*:7000:9\": expected [LOCAL:]REMOTE, or ADDRESS:LOCAL:REMOTE"),
        Fails("solo :9").ButKubectl(Ending.Serves, "tcp-only", pf: "error: SCTP protocol is not supported for 9"),
        Fails("solo :sctp").ButKubectl(Ending.Serves, "tcp-only", pf: "error: SCTP protocol is not supported for sctp").Thorough(),
        Fails("solo :both-udp", "the number is a TCP port too").ButKubectl(Ending.Serves, "tcp-only", pf: "error: UDP protocol is not supported for both-udp"),
        Fails("svc/several :dns").ButKubectl(Ending.Serves, "tcp-only", pf: "error: UDP protocol is not supported for dns").Thorough(),
        Fails("svc/several :9").ButKubectl(Ending.Serves, "tcp-only", pf: "error: SCTP protocol is not supported for 9"),
        Fails("svc/dns-both :dns-udp").ButKubectl(Ending.Serves, "tcp-only", pf: "error: UDP protocol is not supported for dns-udp").Thorough(),
        Fails("solo 0")
            .InOtherWords("clearer-words", "error: remote port must be > 0", "error: invalid port \"0\": the remote port must be from 1 to 65535"),
        Fails("solo :0")
            .InOtherWords("clearer-words", "error: remote port must be > 0", "error: invalid port \":0\": the remote port must be from 1 to 65535"),
        Fails("solo 65536")
            .InOtherWords("clearer-words", "error: error parsing local port '65536': strconv.ParseUint: parsing \"65536\": value out of range", "error: invalid port \"65536\": the remote port must be from 1 to 65535"),
        Fails("solo :65536")
            .InOtherWords("clearer-words", "error: error parsing remote port '65536': strconv.ParseUint: parsing \"65536\": value out of range", "error: invalid port \":65536\": the remote port must be from 1 to 65535").Thorough(),
        Fails("solo 65536:7000")
            .InOtherWords("clearer-words", "error: error parsing local port '65536': strconv.ParseUint: parsing \"65536\": value out of range", "error: invalid port \"65536:7000\": the local port must be a number from 0 to 65535, or be left out for any free port"),
        Fails("solo 99999999999999999999:7000")
            .InOtherWords("clearer-words", "error: error parsing local port '99999999999999999999': strconv.ParseUint: parsing \"99999999999999999999\": value out of range", "error: invalid port \"99999999999999999999:7000\": the local port must be a number from 0 to 65535, or be left out for any free port").Thorough(),
        Fails("solo -1"),
        Fails("solo -- -1")
            .InOtherWords("clearer-words", "error: error parsing local port '-1': strconv.ParseUint: parsing \"-1\": invalid syntax", "error: invalid port \"-1\": the remote port must be a number from 1 to 65535 or the name of a port"),
        Fails("solo :-1")
            .InOtherWords("clearer-words", "error: error parsing remote port '-1': strconv.ParseUint: parsing \"-1\": invalid syntax", "error: invalid port \":-1\": the remote port must be a number from 1 to 65535 or the name of a port"),
        Fails("solo -- -1:7000")
            .InOtherWords("clearer-words", "error: error parsing local port '-1': strconv.ParseUint: parsing \"-1\": invalid syntax", "error: invalid port \"-1:7000\": the local port must be a number from 0 to 65535, or be left out for any free port"),
        Fails("solo :+7000")
            .InOtherWords("clearer-words", "error: error parsing remote port '+7000': strconv.ParseUint: parsing \"+7000\": invalid syntax", "error: invalid port \":+7000\": the remote port must be a number from 1 to 65535 or the name of a port").Thorough(),
        Fails("solo abc"),
        Fails("solo :abc"),
        Fails("solo abc:7000")
            .InOtherWords("clearer-words", "error: error parsing local port 'abc': strconv.ParseUint: parsing \"abc\": invalid syntax", "error: invalid port \"abc:7000\": the local port must be a number from 0 to 65535, or be left out for any free port"),
        Fails("solo echo:7000")
            .InOtherWords("clearer-words", "error: error parsing local port 'echo': strconv.ParseUint: parsing \"echo\": invalid syntax", "error: invalid port \"echo:7000\": the local port must be a number from 0 to 65535, or be left out for any free port").Thorough(),
        Fails("solo :")
            .InOtherWords("clearer-words", "error: Pod 'solo' does not have a named port ''", "error: invalid port \":\": the remote port is missing, expected [LOCAL:]REMOTE"),
        Fails("solo ::")
            .InOtherWords("clearer-words", "error: Pod 'solo' does not have a named port ''", "error: invalid port \"::\": expected [LOCAL:]REMOTE").Thorough(),
        Fails("solo {free}:")
            .InOtherWords("clearer-words", "error: Pod 'solo' does not have a named port ''", "error: invalid port \"*:\": the remote port is missing, expected [LOCAL:]REMOTE").Thorough(),
        Fails("solo ''")
            .InOtherWords("clearer-words", "error: Pod 'solo' does not have a named port ''", "error: invalid port \"\": the remote port is missing, expected [LOCAL:]REMOTE"),
        Fails("solo :7000 abc"),
        Fails("solo 8.5")
            .InOtherWords("clearer-words", "error: Pod 'solo' does not have a named port '8.5'", "error: invalid port \"8.5\": the remote port must be a number from 1 to 65535 or the name of a port"),
        Fails("solo :80/tcp")
            .InOtherWords("clearer-words", "error: Pod 'solo' does not have a named port '80/tcp'", "error: invalid port \":80/tcp\": the remote port must be a number from 1 to 65535 or the name of a port"),
        Fails("solo :0x50").Thorough(),
        Fails("solo :dns"),
        Fails("solo :5353"),
        Fails("solo :http"),
        Fails("deploy/web :http").Thorough(),
        Fails("svc/web :83"),
        Fails("svc/web :nope"),
        Fails("svc/web :web").Thorough(),
        Fails("svc/web :8080"),
        Fails("svc/web :82").Thorough(),
        Fails("svc/web :strange"),
        Fails("svc/web :0")
            .InOtherWords("clearer-words", "error: Service web does not have a service port 0", "error: invalid port \":0\": the remote port must be from 1 to 65535"),
        Fails("svc/dns :53"),
        Fails("svc/dns :dns").Thorough(),
        Fails("solo {free}:7000", "the local port is taken").With(around => Take(around, 0, IPAddress.Loopback, IPAddress.IPv6Loopback))
            .InOtherWords("clearer-words", "Unable to listen on port *: Listeners failed to create with the following errors: [unable to create listener: Error list*", "Unable to listen on port *: 127.0.0.1:*: address already in use; [::1]:*: address already in use (stop the program that has it, or use another one: \":7000\" takes any free port)"),
        Fails("--address 127.0.0.1 solo {free}:7000", "the local port is taken").With(around => Take(around, 0, IPAddress.Loopback))
            .InOtherWords("clearer-words", "Unable to listen on port *: Listeners failed to create with the following errors: [unable to create listener: Error list*", "Unable to listen on port *: 127.0.0.1:*: address already in use (stop the program that has it, or use another one: \":7000\" takes any free port)"),
        Serves("solo {free}:7000 {free2}:7000", "the first local port is taken").With(around => Take(around, 0, IPAddress.Loopback, IPAddress.IPv6Loopback))
            .InOtherWords("clearer-words", "Unable to listen on port *: Listeners failed to create with the following errors: [unable to create listener: Error list*", "Unable to listen on port *: 127.0.0.1:*: address already in use; [::1]:*: address already in use (stop the program that has it, or use another one: \":7000\" takes any free port)"),
        Serves("solo {free}:7000", "127.0.0.1 is taken, ::1 is free", listeners: 1).With(around => Take(around, 0, IPAddress.Loopback))
            .InOtherWords("notes", null, "note: 127.0.0.1:* is not served: address already in use; clients that try it first reach another program"),
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
