namespace PortForward.Cli.Files;

/// <summary>A text of a file, with what its environment variables have filled in, and where it is.</summary>
/// <param name="Text">The text.</param>
/// <param name="At">Where it begins.</param>
internal sealed record Placed(string Text, FilePosition At)
{
    /// <summary>The text as it was written, if the environment has filled something in; else null.</summary>
    public string? Written { get; init; }

    /// <summary>What messages show: what the environment has filled in may be a secret.</summary>
    public string Shown => Written ?? Text;

    /// <summary>The sentence for what is wrong with it. One about a text that the environment has filled in could tell what is in there: it gets another.</summary>
    /// <param name="sentence">The sentence about the text.</param>
    /// <param name="what">What it should be, in words.</param>
    public string Wrong(string sentence, string what) => Written is null
        ? UntrustedText.OneLine(sentence)
        : $"{UntrustedText.OneLine(Written, maxLength: 100)} is no {what} once the environment has filled it in";
}
