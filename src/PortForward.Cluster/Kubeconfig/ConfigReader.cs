using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace PortForward.Cluster.Kubeconfig;

/// <summary>Reads the first document of a YAML text, or JSON, which is YAML. Bounded in depth and size, aliases and merge keys included.</summary>
/// <remarks>
/// YamlDotNet's own tree is not used: an alias inside its anchor makes it cyclic there, and comparing such nodes never ends.
/// </remarks>
internal sealed class ConfigReader
{
    private const int MaxDepth = 64;

    /// <summary>Far above a kubeconfig with thousands of clusters, and no more than about 100 MiB of memory.</summary>
    private const int MaxNodes = 1_000_000;

    private readonly Scanner _scanner;
    private readonly Parser _parser;
    private readonly int _length;
    private readonly Dictionary<AnchorName, ConfigNode> _anchors = [];
    private int _depth;
    private int _nodes;

    private ConfigReader(string text)
    {
        _scanner = new Scanner(new StringReader(text));
        _parser = new Parser(_scanner);
        _length = text.Length;
    }

    private ParsingEvent Current => _parser.Current!;

    /// <summary>Reads a text.</summary>
    /// <returns>The document's root; null if the text is empty.</returns>
    /// <exception cref="YamlException">It is no YAML, or goes beyond the bounds; it begins where the fault is.</exception>
    public static ConfigNode? Read(string text)
    {
        var reader = new ConfigReader(text);
        reader.Next();
        reader.Next();
        if (reader.Current is StreamEnd)
        {
            return null;
        }

        reader.Next();
        ConfigNode root = reader.ReadNode();
        return root is ConfigScalar { IsNull: true } ? null : root;
    }

    private void Next()
    {
        try
        {
            if (!_parser.MoveNext())
            {
                throw Fault("the text ends too early");
            }
        }
        catch (SyntaxErrorException e) when (_scanner.CurrentPosition.Index < _length)
        {
            // The parser names the beginning of what it was reading, which may be the file's. At the end of the text that is a quote that is not closed.
            throw new YamlException(_scanner.CurrentPosition, _scanner.CurrentPosition, e.Message, e);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // So the parser fails over some malformed keys and tags, and over brackets that are not closed.
            throw new YamlException(_scanner.CurrentPosition, _scanner.CurrentPosition, "it is no YAML from here on, or a bracket before is not closed", e);
        }
    }

    /// <summary>Reads the node that begins at the current event, and goes to the event after it.</summary>
    private ConfigNode ReadNode()
    {
        Count();
        switch (Current)
        {
            case AnchorAlias alias:
                ConfigNode shared = _anchors.GetValueOrDefault(alias.Value) ?? throw Fault("an alias comes before or inside the anchor it names");
                Next();
                return shared;
            case Scalar scalar:
                return Finish(scalar, new ConfigScalar(scalar.Value, scalar.Style == ScalarStyle.Plain, (int)scalar.Start.Index, (int)scalar.End.Index, At(scalar)));
            case SequenceStart start:
                var items = new List<ConfigNode>();
                Enter();
                while (Current is not SequenceEnd)
                {
                    items.Add(ReadNode());
                }

                return Leave(start, new ConfigList(items, At(start)));
            case MappingStart start:
                return ReadMapping(start);
            default:
                throw Fault("a value is missing");
        }
    }

    private ConfigMapping ReadMapping(MappingStart start)
    {
        var fields = new Dictionary<string, ConfigNode>(StringComparer.Ordinal);
        var merged = new List<ConfigNode>();
        Enter();
        int? firstKey = Current is Scalar ? (int)Current.Start.Index : null;
        while (Current is not MappingEnd)
        {
            if (ReadNode() is not ConfigScalar key)
            {
                throw Fault("a key is no text");
            }

            ConfigNode value = ReadNode();
            if (key is { IsPlain: true, Value: "<<" })
            {
                merged.Add(value);
            }
            else
            {
                fields[key.Value] = value;
            }
        }

        foreach (ConfigNode source in merged)
        {
            Merge(source, fields);
        }

        return Leave(start, new ConfigMapping(fields, firstKey, start.Style == MappingStyle.Flow, At(start)));
    }

    /// <summary>The merge key of YAML 1.1: what another mapping has and this one has not.</summary>
    private void Merge(ConfigNode source, Dictionary<string, ConfigNode> fields)
    {
        foreach (ConfigNode one in source is ConfigList list ? list.Items : [source])
        {
            if (one is not ConfigMapping mapping)
            {
                throw Fault("a merge key (<<) takes a mapping or a list of mappings");
            }

            foreach ((string key, ConfigNode value) in mapping.Fields)
            {
                Count();
                fields.TryAdd(key, value);
            }
        }
    }

    private void Enter()
    {
        if (++_depth > MaxDepth)
        {
            throw Fault($"it is nested more than {MaxDepth} levels deep");
        }

        Next();
    }

    private T Leave<T>(NodeEvent start, T node) where T : ConfigNode
    {
        _depth--;
        return Finish(start, node);
    }

    private T Finish<T>(NodeEvent start, T node) where T : ConfigNode
    {
        if (!start.Anchor.IsEmpty)
        {
            _anchors[start.Anchor] = node;
        }

        Next();
        return node;
    }

    private void Count()
    {
        if (++_nodes > MaxNodes)
        {
            throw Fault($"it has more than {MaxNodes} values");
        }
    }

    private static ConfigPosition At(ParsingEvent began) => new(began.Start.Line, began.Start.Column);

    private YamlException Fault(string why) => new(Current.Start, Current.End, why);
}
