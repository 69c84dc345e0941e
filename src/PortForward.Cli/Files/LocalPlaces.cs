using System.Net;
using System.Net.Sockets;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cli.Files;

/// <summary>The local ports that are taken, and by whom. All addresses of a family take the port from each of them.</summary>
internal sealed class LocalPlaces
{
    private readonly Dictionary<(IPAddress Address, int Port), (string Owner, FilePosition At)> _taken = [];
    private readonly Dictionary<(AddressFamily Family, int Port), (string Owner, FilePosition At)> _first = [];

    /// <summary>Takes what a port wants for itself. That is nothing where any free port will do, or the first of several, or one that only the cluster knows.</summary>
    /// <param name="spec">The port.</param>
    /// <param name="addresses">Where its forward listens.</param>
    /// <param name="owner">The forward.</param>
    /// <param name="at">Where the port is in the file.</param>
    /// <returns>What is wrong, in one sentence; null if nothing is.</returns>
    public string? Take(PortSpec spec, IReadOnlyList<string> addresses, string owner, FilePosition at)
    {
        int number = spec.LastLocalPort is null ? spec.LocalPort ?? spec.RemotePort ?? 0 : 0;
        if (number == 0)
        {
            return null;
        }

        string? wrong = null;
        IPAddress[] wanted = [.. ListenAddress.Parse(spec.Address is null ? addresses : [spec.Address]).Select(static listen => listen.Address)];
        foreach (IPAddress address in wanted)
        {
            wrong ??= Holder(address, number) is { } holder
                ? $"the local port {number} is {holder.Owner}'s already, on line {holder.At.Line}: give one of them another, or any free one, as in \":{spec.Remote}\""
                : null;
        }

        foreach (IPAddress address in wanted)
        {
            _taken.TryAdd((address, number), (owner, at));
            _first.TryAdd((address.AddressFamily, number), (owner, at));
        }

        return wrong;
    }

    private (string Owner, FilePosition At)? Holder(IPAddress address, int port)
    {
        bool isAny = address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
        IPAddress any = address.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
        return isAny ? _first.TryGetValue((address.AddressFamily, port), out (string, FilePosition) first) ? first : null
            : _taken.TryGetValue((address, port), out (string, FilePosition) same) ? same
            : _taken.TryGetValue((any, port), out (string, FilePosition) all) ? all
            : null;
    }
}
