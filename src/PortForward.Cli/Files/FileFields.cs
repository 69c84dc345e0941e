using PortForward.Cluster;

namespace PortForward.Cli.Files;

/// <summary>The fields of a mapping that has certain keys and no others. What is wrong with them is told.</summary>
internal sealed class FileFields
{
    private readonly Dictionary<string, YamlNode> _values = new(StringComparer.Ordinal);
    private readonly YamlMapping _mapping;
    private readonly Mistakes _mistakes;

    /// <summary>Takes a mapping.</summary>
    /// <param name="mapping">The mapping.</param>
    /// <param name="known">The keys that it may have.</param>
    /// <param name="owner">What it is, in words.</param>
    /// <param name="mistakes">Takes what is wrong.</param>
    public FileFields(YamlMapping mapping, string[] known, string owner, Mistakes mistakes)
    {
        _mapping = mapping;
        _mistakes = mistakes;
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach ((YamlText key, YamlNode value) in mapping.Entries)
        {
            string name = key.Value;
            if (!known.Contains(name))
            {
                mistakes.Add(key.At, Unknown(name, known, owner));
            }
            else if (!lines.TryAdd(name, key.At.Line))
            {
                mistakes.Add(key.At, $"{name} is there twice: line {lines[name]} has it already");
            }
            else
            {
                _values[name] = value;
            }
        }
    }

    /// <summary>A field's value; null if it is missing.</summary>
    public YamlNode? this[string field] => _values.GetValueOrDefault(field);

    /// <summary>A field that has to be there.</summary>
    /// <param name="field">Its key.</param>
    /// <param name="at">Where its owner is.</param>
    /// <param name="sentence">What to tell if it is missing.</param>
    public YamlNode? Required(string field, FilePosition at, string sentence)
    {
        if (this[field] is null && _mapping.IsWhole)
        {
            _mistakes.Add(at, sentence);
        }

        return this[field];
    }

    private static string Unknown(string key, string[] known, string owner)
    {
        string shown = UntrustedText.OneLine(key, maxLength: 60);
        return key is "kubeconfig" or "cluster" or "user" or "server" or "token" ? $"unknown key {shown}: no file says how to reach a cluster; use the flag --{shown}"
            : key is "command" or "exec" or "run" ? $"unknown key {shown}: no file runs a command; use pf up -- COMMAND"
            : Nearest.Of(key, known) is { } near ? $"unknown key {shown}: did you mean {near}?"
            : $"unknown key {shown}: {owner} has {string.Join(", ", known[..^1])} and {known[^1]}";
    }
}
