using PortForward.Cli.Names;
using PortForward.Cluster.Targets;

namespace PortForward.Cli.Files;

/// <summary>Finds what forwards of one file cannot have together: a local port, a variable, a name.</summary>
internal static class FileConflicts
{
    private static readonly string[] Usual = ["localhost"];

    /// <summary>Finds it.</summary>
    public static void Find(RunFile file, Mistakes mistakes)
    {
        FindPortsTwice(file, mistakes);
        FindVariablesTwice(file, mistakes);
        var groups = file.Groups.ToHashSet(StringComparer.Ordinal);
        foreach (RunFileForward forward in file.Forwards.Where(forward => groups.Contains(forward.Name)))
        {
            mistakes.Add(forward.At, $"{forward.Name} is the name of a group, too: pf up {forward.Name} could mean both");
        }
    }

    /// <summary>Where a forward of a file listens.</summary>
    public static IReadOnlyList<string> AddressesOf(RunFile file, RunFileForward forward) => (forward.Address ?? file.Address)?.Text is { } address ? [address] : Usual;

    private static void FindPortsTwice(RunFile file, Mistakes mistakes)
    {
        var places = new LocalPlaces<Tuple<string, FilePosition>>();
        var sockets = new Dictionary<string, (string Owner, FilePosition At)>(StringComparer.Ordinal);
        foreach (RunFileForward forward in file.Forwards)
        {
            IReadOnlyList<string> addresses = AddressesOf(file, forward);
            foreach (Placed port in forward.Ports)
            {
                if (SocketPort.PathOf(port.Text) is { } socket && !sockets.TryAdd(socket, (forward.Name, port.At)))
                {
                    mistakes.Add(port.At, $"the socket {UntrustedText.OneLine(port.Written ?? socket)} is {sockets[socket].Owner}'s already, on line {sockets[socket].At.Line}: give one of them another");
                }

                var spec = PortSpec.Parse(port.Text);
                if (places.Take(spec, addresses, Tuple.Create(forward.Name, port.At)) is (var owner, var at))
                {
                    string shown = port.Written is null ? $"{spec.FixedLocalPort}" : $"of {port.Written}";
                    string example = port.Written is null ? $", as in \":{spec.Remote}\"" : "";
                    mistakes.Add(port.At, $"the local port {shown} is {owner}'s already, on line {at.Line}: give one of them another, or any free one{example}");
                }
            }
        }
    }

    private static void FindVariablesTwice(RunFile file, Mistakes mistakes)
    {
        var owners = new Dictionary<string, RunFileForward>(StringComparer.Ordinal);
        foreach (RunFileForward forward in file.Forwards.DistinctBy(static forward => forward.Name, StringComparer.Ordinal))
        {
            string prefix = $"PF_{ForwardName.InVariable(forward.Name)}";
            IEnumerable<(string Variable, bool IsWritten)> variables = forward.Ports.Select(port =>
                ($"{prefix}_{ForwardName.InVariable(PortSpec.Parse(port.Text).Remote)}_PORT", port.Written is null));
            foreach ((string variable, bool isWritten) in variables.Prepend(($"{prefix}_PORT", true)))
            {
                if (!owners.TryAdd(variable, forward) && owners[variable] != forward)
                {
                    mistakes.Add(forward.At, $"{owners[variable].Name} (line {owners[variable].At.Line}) and {forward.Name} would both set {(isWritten ? variable : "the same variable")}: give one of them another name");
                }
            }
        }
    }
}
