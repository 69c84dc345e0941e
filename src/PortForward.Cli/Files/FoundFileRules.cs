using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cli.Files;

/// <summary>
/// What a file may not do that was found and that nobody has named: it may come from somebody else, with a clone or an archive. It leads to the current context only,
/// listens on this machine only, and changes nothing that programs rely on.
/// </summary>
internal static class FoundFileRules
{
    private const string OnlyNamed = "only a file named with -f may";

    /// <summary>Finds what can be known from the file.</summary>
    public static void Find(RunFile file, Mistakes mistakes)
    {
        FindOpen(file.Address, mistakes);
        foreach (RunFileForward forward in file.Forwards)
        {
            FindOpen(forward.Address, mistakes);
            foreach (Placed port in forward.Ports)
            {
                if (SocketPort.PathOf(port.Text) is { } socket && !RealPath.IsWithin(socket, file.Folder))
                {
                    mistakes.Add(port.At, $"{OnlyNamed} have a socket outside of its own folder, as {UntrustedText.OneLine(port.Written ?? socket)} is");
                }

                FindOpen(PortSpec.Parse(port.Text).Address is { } address ? port with { Text = address } : null, mistakes);
            }
        }

        foreach (RunFileVariable variable in file.Variables.Where(static variable => LeadsClients(variable.Name) && !IsHere(variable)))
        {
            string example = $"{{{{{(file.Forwards is [var first, ..] ? first.Name : "db")}.host}}}}";
            mistakes.Add(variable.At, $"{OnlyNamed} set {variable.Name} to anything but this machine, or a template such as {example}");
        }

        foreach (RunFileVariable variable in file.Variables.Where(static variable => GuardedVariables.Contains(variable.Name)))
        {
            mistakes.Add(variable.At, $"{OnlyNamed} set {variable.Name}, which decides what programs load, run or trust");
        }
    }

    /// <summary>Finds contexts that are not the current one, nor the one that a flag has named.</summary>
    /// <param name="file">The file.</param>
    /// <param name="current">The kubeconfig's current context; null if there is none.</param>
    /// <param name="named">The context that a flag has named; null if none has. It stands for the file's own.</param>
    /// <exception cref="FileException">There is one.</exception>
    public static void CheckContexts(RunFile file, string? current, string? named)
    {
        var mistakes = new Mistakes();
        IEnumerable<Placed?> own = file.Forwards.Select(static forward => forward.Context);
        IEnumerable<Placed> used = file.IsNamed ? [] : own.Append(named is null ? file.Context : null).OfType<Placed>();
        foreach (Placed other in used.Where(context => context.Text != current && context.Text != named))
        {
            string shown = UntrustedText.OneLine(other.Shown);
            mistakes.Add(other.At, $"{OnlyNamed} use another context than the current one{(current is null ? "" : $", {current}")}; --context {shown} uses it for this run");
        }

        Throw(file, mistakes);
    }

    /// <summary>Finds variables that the environment has already.</summary>
    /// <param name="file">The file.</param>
    /// <param name="isSet">Whether it has one of a name.</param>
    /// <exception cref="FileException">There is one.</exception>
    public static void CheckVariables(RunFile file, Func<string, bool> isSet)
    {
        var mistakes = new Mistakes();
        foreach (RunFileVariable variable in file.Variables.Where(variable => !file.IsNamed && isSet(variable.Name)))
        {
            mistakes.Add(variable.At, $"{OnlyNamed} replace {variable.Name}, which is set already");
        }

        Throw(file, mistakes);
    }

    private static void Throw(RunFile file, Mistakes mistakes)
    {
        if (mistakes.All.Count > 0)
        {
            throw FileException.Of(file.Path, mistakes.All);
        }
    }

    private static bool LeadsClients(string variable) => GuardedVariables.Hosts.Contains(variable, StringComparer.OrdinalIgnoreCase);

    private static bool IsHere(RunFileVariable variable) =>
        variable.Value.Where(static part => part.Text.Length > 0).ToArray() is [{ } only] && (only.Forward is not null || only.Text is "localhost" or "127.0.0.1" or "::1");

    private static void FindOpen(Placed? address, Mistakes mistakes)
    {
        if (address is not null && ListenAddress.Parse([address.Text]).Any(static listen => !System.Net.IPAddress.IsLoopback(listen.Address)))
        {
            mistakes.Add(address.At, $"{OnlyNamed} listen on {UntrustedText.OneLine(address.Shown)}, where other machines may reach it");
        }
    }
}
