using System.Text.RegularExpressions;
using PortForward.Cluster.Targets;

namespace PortForward.Cli.Commands;

/// <summary>One target of a command line, with the ports behind it: <c>[NAME=]TYPE/NAME[@NAMESPACE] PORT...</c>.</summary>
/// <param name="Name">The name that it was given; null for none.</param>
/// <param name="Target">The target as it was written, without name and namespace.</param>
/// <param name="Namespace">The namespace of this target alone; null for the command line's.</param>
/// <param name="Ports">Its ports as they were written; at least one.</param>
internal sealed partial record TargetWords(string? Name, string Target, string? Namespace, IReadOnlyList<string> Ports)
{
    /// <summary>Divides the words of a command line. All that kubectl takes is one target with its ports; a word with a slash begins another one.</summary>
    /// <param name="words">The words; the first one is a target.</param>
    /// <exception cref="UsageException">A word is malformed, or a target has no port.</exception>
    public static IReadOnlyList<TargetWords> Divide(IReadOnlyList<string> words)
    {
        var targets = new List<TargetWords>();
        int next = 0;
        while (next < words.Count)
        {
            string target = words[next];
            string[] ports = [.. words.Skip(next + 1).TakeWhile(static word => !IsTarget(word))];
            if (ports.Length == 0)
            {
                throw new UsageException(words.Count == 1
                    ? "TYPE/NAME and list of ports are required for port-forward, as in: pf pod/web 8080:80"
                    : $"{target} has no port: each target is followed by its own, as in {target} :80");
            }

            targets.Add(Read(target, ports));
            next += 1 + ports.Length;
        }

        return targets.Count > 0 ? targets : throw new UsageException("TYPE/NAME and list of ports are required for port-forward, as in: pf pod/web 8080:80");
    }

    /// <summary>Whether a word is a target and no port: it has a slash, and before that a type, which begins with a letter and has no colon.</summary>
    public static bool IsTarget(string word) => TargetForm().IsMatch(word);

    private static TargetWords Read(string word, string[] ports)
    {
        Match match = TargetForm().Match(word);
        if (!match.Success)
        {
            // kubectl's form: a pod's name alone, or what it has a sentence for.
            return word.IndexOfAny(['=', '@']) >= 0 && !word.Contains('/', StringComparison.Ordinal)
                ? throw new UsageException($"{word}: a target with a name or a namespace has its type too, as in db=pod/web@shop")
                : new TargetWords(null, word, null, ports);
        }

        string? name = match.Groups["name"] is { Success: true, Value: var given } ? given : null;
        if (name is not null && !NameForm().IsMatch(name))
        {
            throw new UsageException($"invalid name \"{name}\" in {word}: a name begins with a letter and has letters, digits, '-', '_' and '.'");
        }

        string? @namespace = match.Groups["namespace"] is { Success: true, Value: var inNamespace } ? inNamespace : null;
        return @namespace is not null && TargetReference.CheckName(@namespace, "namespace") is { } wrong
            ? throw new UsageException(@namespace.Length == 0 ? $"{word}: the namespace is missing after '@'" : wrong)
            : new TargetWords(name, match.Groups["target"].Value, @namespace, ports);
    }

    [GeneratedRegex("^((?<name>[^=/:]*)=)?(?<target>[A-Za-z][^:/=@]*/[^@]*)(@(?<namespace>.*))?$", RegexOptions.ExplicitCapture | RegexOptions.Singleline, matchTimeoutMilliseconds: 1000)]
    private static partial Regex TargetForm();

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9._-]*\z", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NameForm();
}
