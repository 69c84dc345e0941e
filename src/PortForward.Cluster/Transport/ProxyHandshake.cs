using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PortForward.Cluster.Transport;

/// <summary>Asks a proxy for a connection to a server; the stream then leads there.</summary>
internal static class ProxyHandshake
{
    private const int MaxAnswer = 16 * 1024;

    /// <summary>Asks an HTTP proxy (RFC 9110, section 9.3.6).</summary>
    /// <exception cref="IOException">The proxy refused or broke off; the message says how.</exception>
    public static async Task ConnectAsync(Stream stream, ProxyAddress proxy, DnsEndPoint target, CancellationToken cancellationToken)
    {
        string authority = target.ToAuthority();
        string authorization = proxy.User?.Basic is { } value ? $"Proxy-Authorization: {value}\r\n" : "";
        byte[] request = Encoding.UTF8.GetBytes($"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: pf\r\n{authorization}\r\n");
        await stream.WriteAsync(request, cancellationToken).ConfigureAwait(false);
        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);

        string head = await ReadHeadAsync(stream, cancellationToken).ConfigureAwait(false);
        string[] status = head.Split('\r', 2)[0].Split(' ', 3);
        if (status.Length < 2 || !status[0].StartsWith("HTTP/1.", StringComparison.Ordinal)
            || !int.TryParse(status[1], NumberStyles.None, CultureInfo.InvariantCulture, out int code))
        {
            throw new IOException("it does not speak HTTP");
        }

        if (code is < 200 or > 299)
        {
            throw new IOException(Refusal(code, status.Length > 2 ? status[2] : "", authority));
        }
    }

    /// <summary>What a refusal means.</summary>
    public static string Refusal(int code, string reason, string authority) => code == (int)HttpStatusCode.ProxyAuthenticationRequired
        ? "it asks for a user name and a password (407): write those it takes into its address, as in http://user:password@host"
        : $"it refused to connect to {authority} ({$"{code} {UntrustedText.OneLine(reason, 100)}".TrimEnd()})";

    /// <summary>Asks a SOCKS 5 proxy (RFC 1928, RFC 1929).</summary>
    /// <exception cref="IOException">The proxy refused or broke off; the message says how.</exception>
    public static async Task Socks5Async(Stream stream, ProxyAddress proxy, DnsEndPoint target, CancellationToken cancellationToken)
    {
        const byte Version = 5, WithoutUser = 0, WithPassword = 2;
        byte[] answer = new byte[2];
        byte[] greeting = proxy.User is null ? [Version, 1, WithoutUser] : [Version, 2, WithoutUser, WithPassword];
        await stream.WriteAsync(greeting, cancellationToken).ConfigureAwait(false);
        await ReadAsync(answer).ConfigureAwait(false);
        if (answer[0] != Version)
        {
            throw new IOException("it does not speak SOCKS 5");
        }

        if (answer[1] == WithPassword && proxy.User is { } user)
        {
            await stream.WriteAsync((byte[])[1, .. Counted(user.Name), .. Counted(user.Password)], cancellationToken).ConfigureAwait(false);
            await ReadAsync(answer).ConfigureAwait(false);
            if (answer[1] != 0)
            {
                throw new IOException("it refused the user name and the password in its address");
            }
        }
        else if (answer[1] != WithoutUser)
        {
            throw new IOException(proxy.User is null
                ? "it asks for a user name and a password: write them into its address, as in socks5://user:password@host"
                : "it takes neither a user name and a password nor nothing at all, and pf knows no other way to prove who asks");
        }

        byte[] port = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(port, (ushort)target.Port);
        await stream.WriteAsync((byte[])[Version, 1, 0, .. Address(target.Host), .. port], cancellationToken).ConfigureAwait(false);

        byte[] reply = new byte[4];
        await ReadAsync(reply).ConfigureAwait(false);
        if (reply[0] != Version)
        {
            throw new IOException("it does not speak SOCKS 5");
        }

        if (reply[1] != 0)
        {
            throw new IOException($"it refused to connect to {target.ToAuthority()} ({SocksReason(reply[1])})");
        }

        byte[] length = new byte[1];
        int rest = reply[3] switch { 1 => 4, 4 => 16, _ => await LengthAsync().ConfigureAwait(false) };
        await ReadAsync(new byte[rest + 2]).ConfigureAwait(false);

        async ValueTask<int> LengthAsync()
        {
            await ReadAsync(length).ConfigureAwait(false);
            return length[0];
        }

        async ValueTask ReadAsync(byte[] buffer)
        {
            try
            {
                await stream.ReadExactlyAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            catch (EndOfStreamException e)
            {
                throw new IOException("it broke off the connection", e);
            }
        }
    }

    private static byte[] Address(string host) => IPAddress.TryParse(host, out IPAddress? address)
        ? [(byte)(address.AddressFamily == AddressFamily.InterNetwork ? 1 : 4), .. address.GetAddressBytes()]
        : [3, .. Counted(Encoding.UTF8.GetBytes(host))];

    /// <summary>Bytes with their number in a byte before them.</summary>
    private static byte[] Counted(byte[] bytes) =>
        bytes.Length <= byte.MaxValue ? [(byte)bytes.Length, .. bytes] : throw new IOException("SOCKS 5 takes names and passwords of 255 bytes at most");

    private static string SocksReason(byte code) => code switch
    {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => $"code {code}",
    };

    /// <summary>Reads up to the empty line and not a byte beyond, which would already be the server's.</summary>
    private static async Task<string> ReadHeadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var head = new List<byte>();
        byte[] next = new byte[1];
        while (head is not [.., (byte)'\r', (byte)'\n', (byte)'\r', (byte)'\n'])
        {
            if (head.Count == MaxAnswer)
            {
                throw new IOException("its answer does not end");
            }

            if (await stream.ReadAsync(next, cancellationToken).ConfigureAwait(false) == 0)
            {
                throw new IOException("it broke off the connection");
            }

            head.Add(next[0]);
        }

        return Encoding.Latin1.GetString([.. head]);
    }
}
