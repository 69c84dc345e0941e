using System.Net;
using System.Net.Sockets;
using PortForward.Forwarding;
using PortForward.Tests.Support;

namespace PortForward.Tests.Forwarding;

public sealed class PortBinderTests : IDisposable
{
    /// <summary>An address for documentation (RFC 5737), which no machine has.</summary>
    private const string NotOurs = "192.0.2.1";

    private readonly List<IDisposable> _open = [];

    [Fact]
    public void A_random_port_is_chosen_once_and_used_on_every_address()
    {
        PortBinder.Result result = Bind(0, "127.0.0.1", "127.0.0.2", "127.0.0.3");

        result.Failures.Should().BeEmpty();
        result.Listeners.Select(listener => listener.Port.Tcp.Address.ToString()).Should().Equal("127.0.0.1", "127.0.0.2", "127.0.0.3");
        result.Listeners.Select(listener => listener.Port.Tcp.Port).Distinct().Should().ContainSingle().Which.Should().BePositive();
        result.Listeners.Should().AllSatisfy(listener => listener.Port.TargetPort.Should().Be(80));
    }

    [Fact]
    public void A_given_port_is_used_as_it_is()
    {
        int port = FreePort();

        Bind(port, "127.0.0.1").Listeners.Single().Port.Should().Be(new ForwardedPort(new IPEndPoint(IPAddress.Loopback, port), 80));
    }

    [Fact]
    public void When_one_address_cannot_be_bound_the_others_are_closed_again()
    {
        int taken = Occupy("127.0.0.2");

        PortBinder.Result result = Bind(taken, "127.0.0.1", "127.0.0.2");

        result.Listeners.Should().BeEmpty();
        (EndPoint endPoint, ListenFailure reason) = result.Failures.Should().ContainSingle().Subject;
        endPoint.Should().Be(new IPEndPoint(IPAddress.Parse("127.0.0.2"), taken));
        reason.InUse.Should().BeTrue();
        Bind(taken, "127.0.0.1").Listeners.Should().ContainSingle("the first address is free again");
    }

    [Fact]
    public void An_address_that_the_machine_does_not_have_says_so()
    {
        PortBinder.Result result = Bind(0, "127.0.0.1", NotOurs);

        result.Listeners.Should().BeEmpty();
        result.Failures.Single().Reason.NoSuchAddress.Should().BeTrue();
    }

    [Fact]
    public void Of_the_group_of_localhost_one_is_enough()
    {
        int taken = Occupy("127.0.0.2");
        ListenAddress[] addresses = [new(IPAddress.Parse("127.0.0.2"), "localhost"), new(IPAddress.Loopback, "localhost")];

        PortBinder.Result result = Keep(PortBinder.Bind(new PortMapping(taken, 80), addresses));

        result.Listeners.Single().Port.Tcp.Address.Should().Be(IPAddress.Loopback);
        result.Failures.Single().Reason.InUse.Should().BeTrue();
    }

    [Fact]
    public void When_a_whole_group_fails_the_port_is_not_served()
    {
        int taken = Occupy("127.0.0.2");
        ListenAddress[] addresses = [new(IPAddress.Parse("127.0.0.2"), "localhost"), new(IPAddress.Parse(NotOurs), "localhost"), new(IPAddress.Loopback, "127.0.0.1")];

        PortBinder.Result result = Keep(PortBinder.Bind(new PortMapping(taken, 80), addresses));

        result.Listeners.Should().BeEmpty();
        result.Failures.Should().HaveCount(2);
    }

    [Fact]
    public void A_random_port_that_is_taken_on_another_address_is_tried_again()
    {
        // The system hands out random ports of the range in turns or at random: many of them are made to collide.
        var taken = new HashSet<int>();
        for (int i = 0; i < 200; i++)
        {
            taken.Add(Occupy("127.0.0.2"));
        }

        for (int i = 0; i < 200; i++)
        {
            PortBinder.Result result = Bind(0, "127.0.0.1", "127.0.0.2");
            result.Listeners.Should().HaveCount(2);
            result.Failures.Should().BeEmpty();
            taken.Should().NotContain(result.Listeners[0].Port.Tcp.Port);
        }
    }

    [Fact]
    public void Random_ports_are_not_tried_for_ever()
    {
        // The same address twice can never be bound.
        ListenAddress[] addresses = [new(IPAddress.Loopback, "a"), new(IPAddress.Loopback, "b")];

        PortBinder.Result result = Keep(PortBinder.Bind(new PortMapping(0, 80), addresses));

        result.Failures.Should().ContainSingle().Which.Reason.InUse.Should().BeTrue();
    }

    [Fact]
    public void Of_a_range_the_first_port_is_taken_that_is_free_on_all_addresses_and_not_meant_for_another()
    {
        (int first, int last) = FreeRange();
        Keep(PortBinder.Bind(new PortMapping(first, 80), ListenAddress.Parse(["127.0.0.2"])));

        Range(first, last, "127.0.0.1", "127.0.0.2").Listeners.Should().HaveCount(2).And.OnlyContain(listener => listener.Port.Tcp.Port == first + 1);
        Range(first, last, "127.0.0.3", port => port <= first + 1).Listeners.Should().ContainSingle().Which.Port.Tcp.Port.Should().Be(first + 2);
    }

    [Fact]
    public void If_none_of_a_range_is_free_the_failure_is_that_of_the_first()
    {
        (int first, int last) = FreeRange();
        Keep(Range(first, first, "127.0.0.2"));
        Keep(Range(first + 1, last, "127.0.0.2"));
        Keep(Range(last, last, "127.0.0.2"));

        PortBinder.Result result = Range(first, last, "127.0.0.2");

        result.Listeners.Should().BeEmpty();
        result.Failures.Should().ContainSingle().Which.EndPoint.Should().BeOfType<IPEndPoint>().Which.Port.Should().Be(first);
    }

    [Fact]
    public void If_all_of_a_range_are_meant_for_others_it_fails_as_if_they_were_taken()
    {
        (int first, int last) = FreeRange();

        PortBinder.Result result = Range(first, last, "127.0.0.1", _ => true);

        result.Listeners.Should().BeEmpty();
        result.Failures.Should().ContainSingle().Which.Reason.InUse.Should().BeTrue();
    }

    [Fact]
    public void A_random_port_that_is_meant_for_another_is_tried_again()
    {
        int tries = 0;

        PortBinder.Result result = Keep(PortBinder.Bind(new PortMapping(0, 80) { IsKept = _ => ++tries <= 3 }, ListenAddress.Parse(["127.0.0.1"])));

        tries.Should().Be(4);
        result.Listeners.Should().ContainSingle();
    }

    [IPv6Fact]
    public void Localhost_is_both_loopbacks_on_the_same_port()
    {
        PortBinder.Result result = Bind(0, "localhost");

        result.Listeners.Select(listener => listener.Port.Local.ToString()).Should().Equal(
            $"127.0.0.1:{result.Listeners[0].Port.Tcp.Port}", $"[::1]:{result.Listeners[0].Port.Tcp.Port}");
    }

    [IPv6Fact]
    public void A_port_taken_on_one_loopback_is_served_on_the_other()
    {
        int taken = Occupy("::1");

        PortBinder.Result result = Bind(taken, "localhost");

        result.Listeners.Single().Port.Tcp.Address.Should().Be(IPAddress.Loopback);
        result.Failures.Single().EndPoint.Should().Be(new IPEndPoint(IPAddress.IPv6Loopback, taken));
    }

    [IPv6Fact]
    public async Task The_wildcard_of_IPv6_leaves_IPv4_alone()
    {
        int port = Bind(0, "::").Listeners.Single().Port.Tcp.Port;

        Func<Task> connect = async () => (await Sockets.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port))).Dispose();

        (await connect.Should().ThrowAsync<SocketException>()).Which.SocketErrorCode.Should().Be(SocketError.ConnectionRefused);
        Bind(port, "0.0.0.0").Listeners.Should().ContainSingle();
    }

    [Theory]
    [InlineData(SocketError.AddressAlreadyInUse, "address already in use")]
    [InlineData(SocketError.AccessDenied, "permission denied")]
    [InlineData(SocketError.AddressNotAvailable, "this machine does not have the address")]
    [InlineData(SocketError.AddressFamilyNotSupported, "this machine does not have the address")]
    [InlineData(SocketError.ProtocolFamilyNotSupported, "this machine does not have the address")]
    public void A_failure_says_what_it_means(SocketError error, string text)
    {
        new ListenFailure(error).ToString().Should().Be(text);
    }

    [Fact]
    public void An_unexpected_failure_is_told_in_the_words_of_the_system()
    {
        var failure = new ListenFailure(SocketError.TooManyOpenSockets);

        failure.ToString().Should().Be(new SocketException((int)SocketError.TooManyOpenSockets).Message);
        (failure.InUse, failure.Denied, failure.NoSuchAddress).Should().Be((false, false, false));
    }

    public void Dispose()
    {
        foreach (IDisposable open in _open)
        {
            open.Dispose();
        }
    }

    private PortBinder.Result Bind(int port, params string[] addresses) => Keep(PortBinder.Bind(new PortMapping(port, 80), ListenAddress.Parse(addresses)));

    private PortBinder.Result Range(int first, int last, params string[] addresses) =>
        Keep(PortBinder.Bind(new PortMapping(first, 80) { LastLocalPort = last }, ListenAddress.Parse(addresses)));

    private PortBinder.Result Range(int first, int last, string address, Func<int, bool> isKept) =>
        Keep(PortBinder.Bind(new PortMapping(first, 80) { LastLocalPort = last, IsKept = isKept }, ListenAddress.Parse([address])));

    /// <summary>Three ports in a row that were free on all loopback addresses a moment ago.</summary>
    private static (int First, int Last) FreeRange()
    {
        while (true)
        {
            int first = Math.Min(FreePort(), 65533);
            PortBinder.Result[] results = [.. Enumerable.Range(first, 3).Select(port => PortBinder.Bind(new PortMapping(port, 80), ListenAddress.Parse(["0.0.0.0"])))];
            bool areFree = results.All(result => result.Listeners.Count == 1);
            foreach (LocalListener listener in results.SelectMany(result => result.Listeners))
            {
                listener.Dispose();
            }

            if (areFree)
            {
                return (first, first + 2);
            }
        }
    }

    private PortBinder.Result Keep(PortBinder.Result result)
    {
        _open.AddRange(result.Listeners);
        return result;
    }

    /// <summary>Takes a random port of an address and returns it.</summary>
    private int Occupy(string address)
    {
        var listener = new TcpListener(IPAddress.Parse(address), 0);
        listener.Start();
        _open.Add(listener);
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
