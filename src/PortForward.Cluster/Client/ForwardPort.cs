using System.Globalization;
using System.Net;

namespace PortForward.Cluster;

/// <summary>One port of a forward.</summary>
/// <param name="Name">The port's name in the service or the pod; null if it has none.</param>
/// <param name="Number">The port's number in the service, or in the pod if the target is none.</param>
/// <param name="Local">
/// Where it listens, random ports resolved, one end point for each address; none if it could not be listened on, or listens on a socket file.
/// </param>
public sealed record ForwardPort(string? Name, int Number, IReadOnlyList<IPEndPoint> Local)
{
    /// <summary>The whole path of the socket file on which it listens; null if it is none.</summary>
    public string? Path { get; init; }

    /// <summary>An address of this machine under which it is reached. Of a socket file its folder, which is what clients of PostgreSQL take for a host.</summary>
    /// <exception cref="InvalidOperationException">It could not be listened on.</exception>
    public string Host => Path is not null ? System.IO.Path.GetDirectoryName(Path)!
        : First.Address is var address && address.Equals(IPAddress.Any) ? IPAddress.Loopback.ToString()
        : address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback.ToString()
        : address.ToString();

    /// <summary>
    /// The local port. Of a socket file the number that clients of PostgreSQL find it by: the one at the end of its name, as in <c>.s.PGSQL.5432</c>, else
    /// <see cref="Number"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">It could not be listened on.</exception>
    public int Port => Path is null ? First.Port
        : ushort.TryParse(System.IO.Path.GetExtension(Path).TrimStart('.'), NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) && number > 0 ? number
        : Number;

    private IPEndPoint First => Local is [var first, ..] ? first : throw new InvalidOperationException($"The port {Number} has no local port: it could not be listened on.");
}
