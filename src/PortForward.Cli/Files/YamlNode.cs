namespace PortForward.Cli.Files;

/// <summary>A piece of a file: a text, a list or a mapping, as it was written.</summary>
/// <param name="at">Where it begins.</param>
internal abstract class YamlNode(FilePosition at)
{
    /// <summary>Where it begins.</summary>
    public FilePosition At => at;

    /// <summary>The text that was probably meant, and lacks its quotes; null if it is what it was meant to be.</summary>
    public string? Unquoted { get; init; }
}

/// <summary>A text.</summary>
/// <param name="value">Its value.</param>
/// <param name="at">Where it begins, an opening quote included.</param>
internal sealed class YamlText(string value, FilePosition at) : YamlNode(at)
{
    public string Value => value;

    /// <summary>As it was written, quotes included.</summary>
    public required string Written { get; init; }

    /// <summary>Whether it was written without quotes.</summary>
    public bool IsPlain { get; init; }

    /// <summary>Whether it is in brackets or braces, where signs mean more.</summary>
    public bool IsInFlow { get; init; }

    /// <summary>Where a piece of it is; where it begins if that cannot be told.</summary>
    public FilePosition PositionOf(string piece)
    {
        int offset = Written.IndexOf(piece, StringComparison.Ordinal);
        return offset < 0 || Written.AsSpan(0, offset).Contains('\n') ? At : new FilePosition(At.Line, At.Column + offset);
    }
}

/// <summary>A list.</summary>
internal sealed class YamlList(IReadOnlyList<YamlNode> items, FilePosition at) : YamlNode(at)
{
    public IReadOnlyList<YamlNode> Items => items;
}

/// <summary>A mapping, with every key that was written, also twice.</summary>
internal sealed class YamlMapping(IReadOnlyList<KeyValuePair<YamlText, YamlNode>> entries, FilePosition at) : YamlNode(at)
{
    public IReadOnlyList<KeyValuePair<YamlText, YamlNode>> Entries => entries;

    /// <summary>Whether its end was read: only then something can be missing in it.</summary>
    public required bool IsWhole { get; init; }
}
