using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace PortForward.Cli.Files;

/// <summary>
/// Reads a text of YAML as it was written: every value once, where it counts. Anchors, aliases, merge keys and tags are refused, so that no value is another than
/// what stands there, and the work is bounded by the text's length. A mistake of the writing is told, and what comes after it is read as far as that is possible.
/// </summary>
internal sealed class YamlReader
{
    private const int MaxDepth = 16;

    /// <summary>How many mistakes of the writing are mended to find those after them.</summary>
    private const int MaxMended = 20;

    private readonly SourceText _source;
    private readonly Mistakes _mistakes;
    private readonly Scanner _scanner;
    private readonly Parser _parser;
    private YamlException? _fault;
    private int _depth;
    private int _flowDepth;

    private YamlReader(SourceText source, Mistakes mistakes)
    {
        _source = source;
        _mistakes = mistakes;
        _scanner = new Scanner(new StringReader(source.Text));
        _parser = new Parser(_scanner);
    }

    /// <summary>The event that is read next; the end of the stream after a fault.</summary>
    private ParsingEvent Current => _fault is null && _parser.Current is { } current ? current : new StreamEnd();

    private bool IsOver => Current is StreamEnd;

    /// <summary>Reads a text.</summary>
    /// <returns>What it has; null if that is nothing. After a mistake of the writing it may be the beginning only.</returns>
    public static YamlNode? Read(SourceText source, Mistakes mistakes)
    {
        for (int mended = 0; ; mended++)
        {
            var reader = new YamlReader(source, mistakes);
            YamlNode? root = reader.ReadDocument();
            if (reader._fault is not { } fault)
            {
                return root;
            }

            if (mended < MaxMended && FindUnquoted(source, fault) is { } text)
            {
                mistakes.Add(source.PositionOf(text.Start), NeedsQuotes(source[text.Start, text.End]));
                source = source.WithQuotes(text.Start, text.End);
                continue;
            }

            FilePosition at = source.PositionOf((int)fault.Start.Index);
            if (!mistakes.HasLine(at.Line))
            {
                mistakes.Add(at, fault is YamlUseException ? fault.Message : $"this is no YAML: {UntrustedText.OneLine(fault.Message).TrimEnd('.')}");
            }

            return root;
        }
    }

    /// <summary>The sentence for a text that lacks its quotes.</summary>
    public static string NeedsQuotes(string written)
    {
        string shown = UntrustedText.OneLine(written, maxLength: 60);
        return $"{shown} is no text without quotes: write \"{shown}\"";
    }

    private static (int Start, int End)? FindUnquoted(SourceText source, YamlException fault) =>
        fault is YamlUseException ? null
        : UnquotedText.FindIn(source.Text, source.LineAt((int)fault.Start.Index)) ?? UnquotedText.FindIn(source.Text, source.LineAt((int)fault.End.Index));

    private YamlNode? ReadDocument()
    {
        Next();
        Next();
        if (IsOver)
        {
            return null;
        }

        Next();
        YamlNode root = ReadNode();
        Next();
        if (Current is DocumentStart second)
        {
            Refuse(second, "a second document begins here: a file has one");
        }

        return root is YamlText { IsPlain: true, Value: "" } ? null : root;
    }

    private void Next()
    {
        if (_fault is not null)
        {
            return;
        }

        try
        {
            _ = _parser.MoveNext();
        }
        catch (YamlException e)
        {
            // The parser may name the beginning of all that it was reading.
            Mark at = e.Start.Index == 0 ? _scanner.CurrentPosition : e.Start;
            _fault = new YamlException(at, e.End.Index < at.Index ? at : e.End, e.Message, e);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // So the parser fails over some malformed keys and tags, and over brackets that are not closed.
            _fault = new YamlException(_scanner.CurrentPosition, _scanner.CurrentPosition, "a bracket before is not closed, or this is no key", e);
        }
    }

    /// <summary>Reads the node that begins at the current event, and goes to the event after it.</summary>
    private YamlNode ReadNode()
    {
        if (Current is NodeEvent node && (!node.Anchor.IsEmpty || !node.Tag.IsEmpty))
        {
            Refuse(node, node.Tag.IsEmpty
                ? "anchors (&) are not taken: every value is written where it counts; a text that begins with & has quotes"
                : "tags (!) are not taken: a text has quotes");
        }

        switch (Current)
        {
            case Scalar scalar:
                YamlText text = Text(scalar);
                Next();
                return text;
            case SequenceStart start:
                return ReadList(start);
            case MappingStart start:
                return ReadMapping(start);
            case AnchorAlias alias:
                Refuse(alias, "aliases (*) are not taken: every value is written where it counts; a text that begins with * has quotes");
                break;
            default:
                break;
        }

        // What is missing is told at the fault's place, and only there.
        return new YamlText("", At(_fault?.Start ?? Current.Start)) { Written = "", IsPlain = true };
    }

    private YamlList ReadList(SequenceStart start)
    {
        var items = new List<YamlNode>();
        Enter(start, start.Style == SequenceStyle.Flow);
        while (!IsOver && Current is not SequenceEnd)
        {
            items.Add(ReadNode());
        }

        Leave(start.Style == SequenceStyle.Flow);
        return new YamlList(items, At(start.Start)) { Unquoted = UnquotedAt(start.Start) };
    }

    private YamlMapping ReadMapping(MappingStart start)
    {
        var entries = new List<KeyValuePair<YamlText, YamlNode>>();
        bool isFlow = start.Style == MappingStyle.Flow;
        Enter(start, isFlow);
        Mark began = isFlow && _source.Text[(int)start.Start.Index] != '{' ? Current.Start : start.Start; // A single pair in a list has none of its own.
        while (!IsOver && Current is not MappingEnd)
        {
            YamlNode key = ReadNode();
            YamlNode value = ReadNode();
            if (key is YamlText text)
            {
                entries.Add(KeyValuePair.Create(text, value));
            }
            else if (key.Unquoted is null && UnquotedAt(began) is null)
            {
                _mistakes.Add(key.At, "a key is a text");
            }
        }

        bool isWhole = !IsOver;
        Leave(isFlow);
        return new YamlMapping(entries, At(began)) { IsWhole = isWhole, Unquoted = UnquotedAt(began) };
    }

    private void Enter(NodeEvent start, bool isFlow)
    {
        _flowDepth += isFlow ? 1 : 0;
        if (++_depth > MaxDepth)
        {
            Refuse(start, $"this is nested more than {MaxDepth} levels deep");
        }

        Next();
    }

    private void Leave(bool isFlow)
    {
        _depth--;
        _flowDepth -= isFlow ? 1 : 0;
        Next();
    }

    private void Refuse(ParsingEvent what, string sentence) => _fault ??= new YamlUseException(what.Start, what.End, sentence);

    private YamlText Text(Scalar scalar) => new(scalar.Value, At(scalar.Start))
    {
        Written = _source[(int)scalar.Start.Index, (int)scalar.End.Index],
        IsPlain = scalar.Style == ScalarStyle.Plain,
        IsInFlow = _flowDepth > 0,
    };

    private string? UnquotedAt(Mark start) =>
        UnquotedText.IsUnquoted(_source.Text, (int)start.Index, _flowDepth > 0, out int end) ? _source[(int)start.Index, end] : null;

    private FilePosition At(Mark mark) => _source.PositionOf((int)mark.Index);

    /// <summary>YAML that is well written and not taken here; the message is the whole sentence.</summary>
    private sealed class YamlUseException(in Mark start, in Mark end, string message) : YamlException(start, end, message);
}
