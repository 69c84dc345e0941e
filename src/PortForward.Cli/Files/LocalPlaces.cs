using System.Net;
using System.Net.Sockets;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cli.Files;

/// <summary>The local ports that are taken, and by whom. All addresses of a family take the port from each of them.</summary>
/// <typeparam name="T">What says who has one.</typeparam>
internal sealed class LocalPlaces<T>
    where T : class
{
    private readonly Dictionary<(IPAddress Address, int Port), T> _taken = [];
    private readonly Dictionary<(AddressFamily Family, int Port), T> _first = [];

    /// <summary>Takes what a port wants for itself. That is nothing where any free port will do, or the first of several, or one that only the cluster knows.</summary>
    /// <param name="spec">The port.</param>
    /// <param name="addresses">Where its forward listens.</param>
    /// <param name="owner">Who wants it.</param>
    /// <returns>Who has it already; null if nobody has.</returns>
    public T? Take(PortSpec spec, IReadOnlyList<string> addresses, T owner)
    {
        if (spec.FixedLocalPort is not { } number)
        {
            return null;
        }

        IPAddress[] wanted = [.. ListenAddress.Parse(spec.Address is null ? addresses : [spec.Address]).Select(static listen => listen.Address)];
        T? holder = wanted.Select(address => Holder(address, number)).FirstOrDefault(static holder => holder is not null);
        foreach (IPAddress address in wanted)
        {
            _taken.TryAdd((address, number), owner);
            _first.TryAdd((address.AddressFamily, number), owner);
        }

        return holder;
    }

    private T? Holder(IPAddress address, int port)
    {
        IPAddress any = address.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
        return address.Equals(any) ? _first.GetValueOrDefault((address.AddressFamily, port))
            : _taken.GetValueOrDefault((address, port)) ?? _taken.GetValueOrDefault((any, port));
    }
}
