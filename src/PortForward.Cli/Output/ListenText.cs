using System.Net;
using System.Net.Sockets;
using PortForward.Forwarding;

namespace PortForward.Cli.Output;

/// <summary>What stderr says of addresses and ports that cannot be had, in plain words.</summary>
internal static class ListenText
{
    /// <summary>Ports below this need a right on most systems with one user who may everything.</summary>
    private const int FirstUnprivileged = 1024;

    /// <summary>Where something listens: <c>127.0.0.1:80</c>, <c>unix:/run/db.sock</c>.</summary>
    public static string Of(EndPoint local) => local is UnixDomainSocketEndPoint ? $"{SocketFile.Prefix}{local}" : $"{local}";

    /// <summary>What could not be bound, as <c>port 80: 127.0.0.1:80: permission denied</c>.</summary>
    public static string Describe(PortUnavailable unavailable) => unavailable.Failures is [{ EndPoint: UnixDomainSocketEndPoint path, Reason: var reason }]
        ? $"{Of(path)}: {reason}"
        : $"{Ports(unavailable)}: {string.Join("; ", unavailable.Failures.Select(failure => $"{failure.EndPoint}: {failure.Reason}"))}";

    /// <summary>What was to be had: a port, or one of a range.</summary>
    public static string Ports(PortUnavailable unavailable) =>
        unavailable.LastLocalPort is { } last ? $"any port from {unavailable.LocalPort} to {last}" : $"port {unavailable.LocalPort}";

    /// <summary>What to do when a port is not to be had.</summary>
    public static string Advise(PortUnavailable unavailable) => Advise(unavailable, OperatingSystem.IsWindows());

    /// <summary>What to do when a port is not to be had, on Windows or elsewhere.</summary>
    public static string Advise(PortUnavailable unavailable, bool isWindows)
    {
        if (unavailable.Failures.Any(static failure => failure.Reason.Error == SocketError.TooManyOpenSockets))
        {
            return "start pf under a higher limit of open files, see ulimit -n";
        }

        if (unavailable.Failures is [{ EndPoint: UnixDomainSocketEndPoint, Reason: var reason }])
        {
            return reason.NoSuchAddress ? "create it first"
                : reason.InUse ? "choose another path"
                : $"choose a folder of your own, such as {(isWindows ? "%TEMP%" : "$XDG_RUNTIME_DIR")}";
        }

        int local = unavailable.LocalPort;
        string target = unavailable.Requested ?? $"{unavailable.TargetPort}";
        string otherPort = $"\":{target}\" takes any free port";
        if (unavailable.Failures.Any(failure => failure.Reason.Denied))
        {
            return isWindows
                ? $"another program has it for itself, or Windows has reserved it, see netsh interface ipv4 show excludedportrange protocol=tcp; {otherPort}"
                : local is > 0 and < FirstUnprivileged
                ? $"ports below {FirstUnprivileged} need a right that you do not have; try {local + 8000}:{target}" // 8080 for 80, 8443 for 443: what people choose anyway.
                : local > 0
                ? $"the system's rules do not let pf have this port: a sandbox or a security module such as SELinux or AppArmor; {otherPort}"
                : "the system's rules do not let pf listen: a sandbox or a security module such as SELinux or AppArmor";
        }

        return unavailable.Failures.Any(failure => failure.Reason.InUse)
            ? $"stop the program that has it, or use another one: {otherPort}"
            : "choose another --address";
    }

    /// <summary>What it means for clients that one address of several is not served.</summary>
    public static string Consequence(ListenFailure failure) =>
        failure.InUse ? "clients that try it first reach another program" : "clients that know no other address are refused";
}
