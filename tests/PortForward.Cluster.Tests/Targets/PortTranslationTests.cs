using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Targets;

public sealed class PortTranslationTests
{
    private static readonly Pod Pod = Pods.Ready("web-1")
        .WithPort(8080, "http").WithPort(53, "dns", "UDP").WithPort(5353, "both", "UDP").WithPort(5353, "both-tcp").WithPort(9, "sctp", "SCTP")
        .WithPort(7, "unsaid", null).WithPort(6000, "twice", "UDP").WithPort(6001, "twice").WithPort(1234, "early", init: true).WithPort(999, "http", init: true);

    private static Service Service(string clusterIP = "10.0.0.1") => new()
    {
        Metadata = new ObjectMeta { Name = "web" },
        Spec = new ServiceSpec
        {
            ClusterIP = clusterIP,
            Ports =
            [
                new ServicePort { Name = "http", Number = 80, TargetPort = "http", Protocol = "TCP" },
                new ServicePort { Name = "number", Number = 81, TargetPort = "8081", Protocol = "TCP" },
                new ServicePort { Name = "same", Number = 82, Protocol = "TCP" },
                new ServicePort { Name = "zero", Number = 83, TargetPort = "0", Protocol = "TCP" },
                new ServicePort { Name = "nowhere", Number = 84, TargetPort = "nope", Protocol = "TCP" },
                new ServicePort { Name = "dns", Number = 53, TargetPort = "53", Protocol = "UDP" },
                new ServicePort { Name = "quic", Number = 443, TargetPort = "4433", Protocol = "UDP" },
                new ServicePort { Name = "https", Number = 443, TargetPort = "8443", Protocol = "TCP" },
                new ServicePort { Name = "signals", Number = 9, TargetPort = "9", Protocol = "SCTP" },
                new ServicePort { Name = "twice", Number = 86, TargetPort = "twice", Protocol = "TCP" },
                new ServicePort { Name = "half", Number = 87, TargetPort = "dns", Protocol = "TCP" },
                new ServicePort { Name = "init", Number = 85, TargetPort = "early", Protocol = "TCP" },
            ],
        },
    };

    /// <summary>Ports of a slice as NAME:NUMBER/PROTOCOL; the number and the protocol may be left out.</summary>
    [Theory]
    [InlineData("http", "http:9000", 9000)]
    [InlineData("80", "number:1 http:9000", 9000)]
    [InlineData("80", "http:9000/UDP http:9001/TCP", 9001)]
    [InlineData("80", "http", 8080)] // The service's target port, which the pod names.
    [InlineData("81", "number", 8081)]
    [InlineData("82", "same", 82)]
    [InlineData("80", "number:1", "no endpoint slice that leads to pod web-1 has a port named 'http', as port 80 of service web is: add it to the slice")]
    [InlineData("80", ":9000", "no endpoint slice that leads to pod web-1 has a port named 'http', as port 80 of service web is: add it to the slice")]
    [InlineData("80", "", "no endpoint slice that leads to pod web-1 has a port named 'http', as port 80 of service web is: add it to the slice")]
    [InlineData("80", "http:9000/UDP", "UDP protocol is not supported for 80")]
    public void Ports_of_a_pod_behind_endpoint_slices_have_the_names_of_the_services(string spec, string slice, object expected) =>
        Translated(spec, Service(), slice).Should().Be($"{expected}");

    [Theory]
    [InlineData(":9000", "9000")]
    [InlineData("http:9000", "no endpoint slice that leads to pod web-1 has a port without a name, as port 80 of service lone is: add it to the slice")]
    public void A_port_without_a_name_is_the_one_without_a_name(string slice, string expected) => Translated(
        "80", new Service { Metadata = new ObjectMeta { Name = "lone" }, Spec = new ServiceSpec { Ports = [new ServicePort { Number = 80 }] } }, slice).Should().Be(expected);

    private static string Translated(string spec, Service service, string slice)
    {
        var endpoint = new PodEndpoint(IsReady: true, [.. slice.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static port => new EndpointPort
        {
            Name = port.Split(':')[0],
            Port = port.Split(':', '/') is [_, var number, ..] ? int.Parse(number) : null,
            Protocol = port.Split('/') is [_, var protocol] ? protocol : null,
        })]);
        try
        {
            return $"{PortTranslation.ForService([PortSpec.Parse(spec)], service, Pod.At(endpoint)).Single().PodPort}";
        }
        catch (ClusterException e)
        {
            return e.Message;
        }
    }

    [Theory]
    [InlineData("5000", 5000, 5000)]
    [InlineData("8888:5000", 8888, 5000)]
    [InlineData(":5000", 0, 5000)]
    [InlineData("http", 8080, 8080)]
    [InlineData("http:http", 8080, 8080)]
    [InlineData("8888:http", 8888, 8080)]
    [InlineData(":http", 0, 8080)]
    [InlineData("early", 1234, 1234)]
    [InlineData("5353", 5353, 5353)]
    [InlineData("both-tcp", 5353, 5353)]
    [InlineData("twice", 6001, 6001)]
    [InlineData("unsaid", 7, 7)]
    public void Ports_of_a_pod(string spec, int local, int target) =>
        PortTranslation.ForPod([PortSpec.Parse(spec)], Pod).Should().Equal(new PortMapping(local, target, PortSpec.Parse(spec)));

    [Theory]
    [InlineData("abc", "Pod 'web-1' does not have a named port 'abc'")]
    [InlineData("1:abc", "Pod 'web-1' does not have a named port 'abc'")]
    [InlineData("HTTP", "Pod 'web-1' does not have a named port 'HTTP'")]
    [InlineData("53", "UDP protocol is not supported for 53")]
    [InlineData("8053:53", "UDP protocol is not supported for 53")]
    [InlineData("dns", "UDP protocol is not supported for dns")]
    [InlineData("both", "UDP protocol is not supported for both")]
    [InlineData("9", "SCTP protocol is not supported for 9")]
    [InlineData("sctp", "SCTP protocol is not supported for sctp")]
    public void Ports_a_pod_refuses(string spec, string error) =>
        FluentActions.Invoking(() => PortTranslation.ForPod([PortSpec.Parse(spec)], Pod)).Should().Throw<ClusterException>().WithMessage(error);

    [Theory]
    [InlineData("80", 80, 8080)]
    [InlineData("http", 80, 8080)]
    [InlineData("http:http", 80, 8080)]
    [InlineData("8888:80", 8888, 8080)]
    [InlineData(":http", 0, 8080)]
    [InlineData("81", 81, 8081)]
    [InlineData("82", 82, 82)]
    [InlineData("83", 83, 83)]
    [InlineData("443", 443, 8443)]
    [InlineData("https", 443, 8443)]
    [InlineData("86", 86, 6001)]
    [InlineData("init", 85, 1234)]
    public void Ports_of_a_service(string spec, int local, int target) =>
        PortTranslation.ForService([PortSpec.Parse(spec)], Service(), Pod).Should().Equal(new PortMapping(local, target, PortSpec.Parse(spec)));

    [Theory]
    [InlineData("80", 80, 80)]
    [InlineData("http", 80, 80)]
    [InlineData("81", 81, 81)]
    [InlineData("nowhere", 84, 84)]
    public void Ports_of_a_headless_service_are_not_led_elsewhere(string spec, int local, int target) =>
        PortTranslation.ForService([PortSpec.Parse(spec)], Service("None"), Pod).Should().Equal(new PortMapping(local, target, PortSpec.Parse(spec)));

    [Theory]
    [InlineData("81", "81:8081")]
    [InlineData("9000:81", "9000:8081")]
    [InlineData(":number", ":8081")]
    [InlineData("http", "80:8080")]
    public void A_headless_service_whose_target_port_is_another_one_deserves_a_note(string spec, string instead)
    {
        PortSpec port = PortSpec.Parse(spec);
        ServicePort led = Service().Spec!.Ports!.First(one => one.Name == port.Remote || one.Number == port.RemotePort);

        PortTranslation.HeadlessNotes([port], Service("None"), Pod).Should().Equal(
            $"service web is headless: its port {led.Number} leads to port {led.Number} of the pod and not to its targetPort {led.TargetPort}; use pod/web-1 {instead} for that one");
        PortTranslation.HeadlessNotes([port], Service(), Pod).Should().BeEmpty("a service with an address leads to its target port");
    }

    [Theory]
    [InlineData("82")]
    [InlineData("83")]
    [InlineData("84")]
    public void A_headless_service_whose_target_port_is_the_same_or_not_known_deserves_none(string spec) =>
        PortTranslation.HeadlessNotes([PortSpec.Parse(spec)], Service("None"), Pod).Should().BeEmpty();

    [Theory]
    [InlineData("1234", "Service web does not have a service port 1234", true)]
    [InlineData("8080", "Service web does not have a service port 8080", true)]
    [InlineData("nope", "Service 'web' does not have a named port 'nope'", true)]
    [InlineData("53", "UDP protocol is not supported for 53", true)]
    [InlineData("dns", "UDP protocol is not supported for dns", true)]
    [InlineData("quic", "UDP protocol is not supported for quic", true)]
    [InlineData("9", "SCTP protocol is not supported for 9", true)]
    [InlineData("signals", "SCTP protocol is not supported for signals", true)]
    [InlineData("87", "UDP protocol is not supported for dns", false)]
    [InlineData("84", "Pod 'web-1' does not have a named port 'nope'", false)]
    public void Ports_a_service_refuses(string spec, string error, bool withoutAPod)
    {
        FluentActions.Invoking(() => PortTranslation.ForService([PortSpec.Parse(spec)], Service(), Pod)).Should().Throw<ClusterException>().WithMessage(error);
        Action check = () => PortTranslation.CheckService([PortSpec.Parse(spec)], Service());
        if (withoutAPod)
        {
            check.Should().Throw<ClusterException>().WithMessage(error);
        }
        else
        {
            check.Should().NotThrow();
        }
    }

    [Fact]
    public void Several_ports_keep_their_order() =>
        PortTranslation.ForService([PortSpec.Parse("81"), PortSpec.Parse("http")], Service(), Pod).Select(port => port.PodPort).Should().Equal(8081, 8080);

    [Fact]
    public void Objects_without_any_ports_refuse_names_only()
    {
        var bare = new Pod { Metadata = new ObjectMeta { Name = "bare" } };

        PortTranslation.ForPod([PortSpec.Parse("80")], bare).Should().ContainSingle();
        FluentActions.Invoking(() => PortTranslation.ForPod([PortSpec.Parse("http")], bare)).Should().Throw<ClusterException>();
        FluentActions.Invoking(() => PortTranslation.CheckService([PortSpec.Parse("80")], new Service())).Should().Throw<ClusterException>();
    }
}
