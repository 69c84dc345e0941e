using PortForward.Cli.Names;
using PortForward.Cluster.Targets;

namespace PortForward.Cli.Commands;

/// <summary>One target of a command line, with the ports behind it: <c>[NAME=]TYPE/NAME[@NAMESPACE] PORT...</c>.</summary>
/// <param name="Name">The name that it was given; null for none.</param>
/// <param name="Target">The target as it was written, without name and namespace.</param>
/// <param name="Namespace">The namespace of this target alone; null for the command line's.</param>
/// <param name="Ports">Its ports as they were written; at least one.</param>
internal sealed record TargetWords(string? Name, string Target, string? Namespace, IReadOnlyList<string> Ports)
{
    /// <summary>First words that will be commands.</summary>
    private static readonly string[] Reserved = ["proxy", "doctor", "completion"];

    /// <summary>The context of this target alone; null for the command line's.</summary>
    public string? Context { get; init; }

    /// <summary>Where this target alone listens; null for where the command line says.</summary>
    public IReadOnlyList<string>? Addresses { get; init; }

    /// <summary>Divides the words of a command line. All that kubectl takes is one target with its ports; a word with a slash begins another one.</summary>
    /// <param name="words">The words; the first one is a target.</param>
    /// <exception cref="UsageException">A word is malformed, or a target has no port.</exception>
    public static IReadOnlyList<TargetWords> Divide(IReadOnlyList<string> words)
    {
        if (words is [var first, ..] && Reserved.Contains(first) && !words.Skip(1).Any(MayBePort))
        {
            throw new UsageException($"pf {first} is kept for later; the pod is pod/{first}, as in pf pod/{first} 8080");
        }

        var targets = new List<TargetWords>();
        int next = 0;
        while (next < words.Count)
        {
            string target = words[next];
            string[] ports = [.. words.Skip(next + 1).TakeWhile(static word => !IsTarget(word))];
            if (ports.Length == 0)
            {
                throw new UsageException(words.Count == 1
                    ? $"TYPE/NAME and list of ports are required for port-forward, as in: pf pod/web 8080:80{Subcommands.HintFor(target)}"
                    : $"{target} has no port: each target is followed by its own, as in {target} :80");
            }

            targets.Add(Read(target, ports));
            next += 1 + ports.Length;
        }

        return targets.Count > 0 ? targets : throw new UsageException("TYPE/NAME and list of ports are required for port-forward, as in: pf pod/web 8080:80");
    }

    /// <summary>The pods of a label selector, with all words of a command line as their ports.</summary>
    /// <param name="selector">The selector.</param>
    /// <param name="words">The words.</param>
    /// <exception cref="UsageException">A word is a target, or there is no port.</exception>
    public static TargetWords Selecting(string selector, string[] words) =>
        words.FirstOrDefault(IsTarget) is { } other ? throw new UsageException($"-l stands for the target, so {other} cannot be one too: leave out one of them")
        : words.Length == 0 ? throw new UsageException("a port is missing behind the selector, as in: pf -l app=web 8080:80")
        : new TargetWords(null, TargetReference.SelectorPrefix + selector, null, words);

    /// <summary>Whether a word is a target and no port: it has a slash, and before that a type, which begins with a letter and has no colon.</summary>
    public static bool IsTarget(string word) => TrySplit(word, out _, out _, out _);

    /// <summary>Whether a word behind one of the program's own makes that the name of a pod, as for kubectl.</summary>
    public static bool MayBePort(string word) => word.Contains(':', StringComparison.Ordinal) || word.Any(char.IsAsciiDigit);

    /// <summary>Reads one target.</summary>
    /// <param name="word">The target as it was written.</param>
    /// <param name="ports">Its ports.</param>
    /// <exception cref="UsageException">It is malformed.</exception>
    public static TargetWords Read(string word, string[] ports)
    {
        if (!TrySplit(word, out string? name, out string target, out string? @namespace))
        {
            // kubectl's form: a pod's name alone, or what it has a sentence for.
            return word.IndexOfAny(['=', '@']) >= 0 && !word.Contains('/', StringComparison.Ordinal)
                ? throw new UsageException($"{word}: a target with a name or a namespace has its type too, as in db=pod/web@shop")
                : new TargetWords(null, word, null, ports);
        }

        if (target.StartsWith(TargetReference.SelectorPrefix, StringComparison.Ordinal))
        {
            throw new UsageException($"{word}: a selector is given with -l, as in pf -l app=web 8080:80");
        }

        if (name is not null && !ForwardName.IsValid(name))
        {
            throw new UsageException($"invalid name \"{name}\" in {word}: {ForwardName.Form}");
        }

        return @namespace is not null && TargetReference.CheckName(@namespace, "namespace") is { } wrong
            ? throw new UsageException(@namespace.Length == 0 ? $"{word}: the namespace is missing after '@'" : wrong)
            : new TargetWords(name, target, @namespace, ports);
    }

    private static bool TrySplit(string word, out string? name, out string target, out string? @namespace)
    {
        int equals = word.IndexOf('=', StringComparison.Ordinal);
        bool hasName = equals >= 0 && equals < word.IndexOf('/', StringComparison.Ordinal);
        name = hasName ? word[..equals] : null;
        target = hasName ? word[(equals + 1)..] : word;
        @namespace = null;
        int slash = target.IndexOf('/', StringComparison.Ordinal);
        bool isTarget = slash > 0 && char.IsAsciiLetter(target[0]) && target.IndexOfAny([':', '@'], 0, slash) < 0
            && name?.Contains(':', StringComparison.Ordinal) != true;
        if (isTarget && target.IndexOf('@', slash) is > 0 and int at)
        {
            @namespace = target[(at + 1)..];
            target = target[..at];
        }

        return isTarget;
    }
}
