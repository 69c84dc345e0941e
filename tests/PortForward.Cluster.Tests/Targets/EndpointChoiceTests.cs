using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Targets;

public sealed class EndpointChoiceTests
{
    private static readonly Pod[] PodsOfShop = [At("a", "10.0.0.1"), At("b", "10.0.0.2"), At("six", "fd00::6"), At("over", "10.0.0.3", "Succeeded"), At("alike-1", "192.168.0.1"), At("alike-2", "192.168.0.1")];

    /// <summary>
    /// Slices are divided by blanks, their endpoints by commas: where it leads, and behind '?' its conditions r, s and t, in capitals if they are true.
    /// </summary>
    [Theory]
    [InlineData("", "", null)]
    [InlineData("-", "", null)]
    [InlineData("10.0.0.1", "a", null)]
    [InlineData("pod:a", "a", null)]
    [InlineData("pod:a/shop", "a", null)]
    [InlineData("pod:a#uid-a", "a", null)]
    [InlineData("pod:a#other", "", null)] // A pod of that name that is no more: its successor is no endpoint yet.
    [InlineData("pod:gone", "", null)]
    [InlineData("pod:a/other", "", "10.9.9.9, which is no pod of namespace shop")]
    [InlineData("node:a", "", "10.9.9.9, which is no pod of namespace shop")]
    [InlineData("10.9.9.9", "", "10.9.9.9, which is no pod of namespace shop")]
    [InlineData("db.example.com", "", "db.example.com, which is no pod of namespace shop")]
    [InlineData("10.0.0.3", "", "10.0.0.3, which is no pod of namespace shop")] // Its pod has come to its end.
    [InlineData("fd00:0:0::6", "six", null)]
    [InlineData("192.168.0.1", "alike-1 alike-2", null)]
    [InlineData("10.0.0.1,10.0.0.2", "a b", null)]
    [InlineData("10.0.0.1 10.0.0.2", "a b", null)] // A union of slices.
    [InlineData("10.0.0.1 pod:a", "a", null)]
    [InlineData("10.0.0.1,10.9.9.9", "a", null)]
    [InlineData("10.9.9.9,pod:gone", "", null)]
    [InlineData("10.0.0.1?r,10.0.0.2?R", "b", null)] // Ready before the rest, and what nobody has said counts as ready.
    [InlineData("10.0.0.1?r,10.0.0.2", "b", null)]
    [InlineData("10.0.0.1?R,10.0.0.2", "a b", null)]
    [InlineData("10.0.0.1?rs,10.0.0.2?rS", "b", null)] // Serving before the rest.
    [InlineData("10.0.0.1?rs,10.0.0.2?r", "a b", null)]
    [InlineData("10.0.0.1?rs,10.0.0.2?rT", "b", null)]
    [InlineData("10.0.0.1?rST,10.0.0.2?rS", "b", null)] // Terminating last of those that serve.
    [InlineData("10.0.0.1?RT,10.0.0.2?rS", "b", null)]
    [InlineData("10.0.0.1?rsT,10.0.0.2?rST", "b", null)]
    [InlineData("10.0.0.1?rs,10.0.0.2?rST", "b", null)]
    [InlineData("10.0.0.1?rs", "a", null)] // For want of a better one.
    [InlineData("10.0.0.1?rS,10.9.9.9", "", "10.9.9.9, which is no pod of namespace shop")] // The service goes elsewhere, whatever else there is.
    [InlineData("10.0.0.1?rS,pod:gone", "", null)]
    public void The_best_endpoints_say_which_pods_there_are(string slices, string pods, string? outside)
    {
        EndpointChoice choice = EndpointChoice.Of(slices.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Slice), PodsOfShop, "shop");

        string.Join(' ', choice.Pods.Select(PodFacts.NameOf)).Should().Be(pods);
        choice.Outside?.Where.Should().Be(outside);
        (choice.Outside is null).Should().Be(outside is null);
    }

    [Theory]
    [InlineData("pod:a/other", "forward to pod/a of namespace other instead")]
    [InlineData("10.9.9.9", "only pods can be forwarded to, so connect to that address itself")]
    public void What_is_outside_comes_with_an_advice(string slice, string advice) =>
        EndpointChoice.Of([Slice(slice, 0)], PodsOfShop, "shop").Outside!.Advice.Should().Be(advice);

    [Theory]
    [InlineData("10.0.0.1", true)]
    [InlineData("10.0.0.1?R", true)]
    [InlineData("10.0.0.1?rS", true)]
    [InlineData("10.0.0.1?rs", false)]
    public void A_ready_endpoint_makes_a_pod_serve_that_says_nothing_of_itself(string slice, bool serves)
    {
        Pod pod = EndpointChoice.Of([Slice(slice, 0)], [At("a", "10.0.0.1").With(pod => pod.Status!.Conditions![0].Status = "False")], "shop").Pods.Single();

        PodFacts.IsServing(pod).Should().Be(serves);
        PodFacts.IsReady(pod).Should().BeFalse();
    }

    [Fact]
    public void A_pod_has_the_ports_of_all_slices_that_lead_to_it()
    {
        EndpointSlice one = Slice("10.0.0.1", 1), two = Slice("pod:a,pod:b", 2), other = Slice("10.0.0.2", 3), empty = Slice("-", 4);
        one.Ports = [new EndpointPort { Name = "pg", Port = 5432 }];
        two.Ports = [new EndpointPort { Name = "metrics", Port = 9187 }];
        other.Ports = [new EndpointPort { Name = "pg", Port = 6432 }];

        EndpointChoice choice = EndpointChoice.Of([other, two, one, empty], PodsOfShop, "shop");

        choice.Pods.Select(pod => $"{PodFacts.NameOf(pod)}: {string.Join(' ', pod.Endpoint!.Ports.Select(port => port.Port))}").Should().Equal("a: 5432 9187", "b: 9187 6432");
    }

    private static Pod At(string name, string address, string phase = "Running") => Pods.Ready(name, pod =>
    {
        pod.Status!.Phase = phase;
        pod.Status.PodIP = address.Contains(':', StringComparison.Ordinal) ? "10.1.1.1" : address;
        pod.Status.PodIPs = [new PodAddress { Ip = address }];
    });

    private static EndpointSlice Slice(string text, int number) => new()
    {
        Metadata = new ObjectMeta { Name = $"slice-{number}" },
        Endpoints = text == "-" ? null : [.. text.Split(',').Select(Endpoint)],
    };

    private static Endpoint Endpoint(string text)
    {
        string[] parts = text.Split('?');
        return new Endpoint
        {
            Addresses = [parts[0].StartsWith("pod:", StringComparison.Ordinal) || parts[0].StartsWith("node:", StringComparison.Ordinal) ? "10.9.9.9" : parts[0]],
            Conditions = parts.Length == 1
                ? null
                : new EndpointConditions { Ready = Flag('r', parts[1]), Serving = Flag('s', parts[1]), Terminating = Flag('t', parts[1]) },
            TargetRef = parts[0].Split(':', 2) is [var kind and ("pod" or "node"), var reference] ? Reference(kind, reference) : null,
        };
    }

    private static EndpointReference Reference(string kind, string text) => new()
    {
        Kind = kind == "pod" ? "Pod" : "Node",
        Name = text.Split('/', '#')[0],
        Namespace = text.Split('/') is [_, var @namespace] ? @namespace : null,
        Uid = text.Split('#') is [_, var uid] ? uid : null,
    };

    private static bool? Flag(char flag, string text) =>
        text.Contains(char.ToUpperInvariant(flag), StringComparison.Ordinal) ? true : text.Contains(flag, StringComparison.Ordinal) ? false : null;
}
