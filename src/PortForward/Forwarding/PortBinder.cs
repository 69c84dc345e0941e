using System.Net;
using System.Net.Sockets;

namespace PortForward.Forwarding;

/// <summary>Opens the listeners of one port on all of its addresses, or none of them.</summary>
internal static class PortBinder
{
    /// <summary>How many random ports are tried when one that is free on the first address is taken on another.</summary>
    private const int RandomPortAttempts = 20;

    private static readonly ListenFailure AllKept = new(SocketError.AddressAlreadyInUse);

    /// <summary>The listeners of a port (empty if it cannot be served) and the addresses that could not be bound.</summary>
    public readonly record struct Result(IReadOnlyList<LocalListener> Listeners, IReadOnlyList<(EndPoint EndPoint, ListenFailure Reason)> Failures);

    /// <summary>Opens the listeners of a port. Of a range it takes the first port that is free on all addresses, else the first that can be served.</summary>
    public static Result Bind(PortMapping mapping, IReadOnlyList<ListenAddress> addresses, int index = 0)
    {
        if (mapping.Path is { } path)
        {
            return LocalListener.TryOpen(path, mapping, out ListenFailure failure, index) is { } listener
                ? new Result([listener], [])
                : new Result([], [(new UnixDomainSocketEndPoint(path), failure)]);
        }

        addresses = mapping.Addresses ?? addresses;
        if (mapping.LastLocalPort is not { } last)
        {
            return BindOne(mapping, addresses, index);
        }

        Result? first = null, partial = null;
        foreach (int port in Enumerable.Range(mapping.LocalPort, last - mapping.LocalPort + 1).Where(port => mapping.IsKept?.Invoke(port) != true))
        {
            Result result = BindOne(mapping with { LocalPort = port }, addresses, index);
            if (result.Listeners.Count > 0 && !result.Failures.Any(failed => failed.Reason.InUse))
            {
                CloseAll(partial?.Listeners ?? []);
                return result;
            }

            if (result.Listeners.Count > 0 && partial is null)
            {
                partial = result;
                continue;
            }

            CloseAll(result.Listeners);
            first ??= result;
        }

        return partial ?? first ?? new Result([], [.. addresses.Select(address => ((EndPoint)new IPEndPoint(address.Address, mapping.LocalPort), AllKept))]);
    }

    private static Result BindOne(PortMapping mapping, IReadOnlyList<ListenAddress> addresses, int index)
    {
        Result result = TryBind(mapping, addresses, index);
        for (int attempt = 1; attempt < RandomPortAttempts && mapping.LocalPort == 0 && IsUnfortunate(mapping, result); attempt++)
        {
            CloseAll(result.Listeners);
            result = TryBind(mapping, addresses, index);
        }

        bool everyGroupServed = addresses.All(wanted => addresses.Any(other =>
            string.Equals(other.Group, wanted.Group, StringComparison.Ordinal) && result.Listeners.Any(listener => listener.Port.Tcp.Address.Equals(other.Address))));
        if (everyGroupServed)
        {
            return result;
        }

        CloseAll(result.Listeners);
        return result with { Listeners = [] };
    }

    /// <summary>Whether a random port is taken on one of the addresses, or meant for another forward.</summary>
    private static bool IsUnfortunate(PortMapping mapping, Result result) =>
        result.Failures.Any(failed => failed.Reason.InUse) || result.Listeners.Any(listener => mapping.IsKept?.Invoke(listener.Port.Tcp.Port) == true);

    private static Result TryBind(PortMapping mapping, IReadOnlyList<ListenAddress> addresses, int index)
    {
        var listeners = new List<LocalListener>();
        var failures = new List<(EndPoint, ListenFailure)>();
        int localPort = mapping.LocalPort;
        foreach (ListenAddress address in addresses)
        {
            var endPoint = new IPEndPoint(address.Address, localPort);
            if (LocalListener.TryOpen(endPoint, mapping, out ListenFailure failure, index) is { } listener)
            {
                listeners.Add(listener);
                localPort = listener.Port.Tcp.Port; // A random port is chosen once and used on every address.
            }
            else
            {
                failures.Add((endPoint, failure));
            }
        }

        return new Result(listeners, failures);
    }

    private static void CloseAll(IEnumerable<LocalListener> listeners)
    {
        foreach (LocalListener listener in listeners)
        {
            listener.Dispose();
        }
    }
}
