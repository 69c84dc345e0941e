using PortForward.Fuzzing.Engine;

namespace PortForward.Fuzzing.Targets;

/// <summary>The text of others, made fit for a terminal.</summary>
internal sealed class UntrustedTextTarget : FuzzTarget
{
    public override int Mutations => 6000;

    public override IReadOnlyList<byte[]> Dictionary { get; } = Words(
        "<html>", "<!doctype html>", "<?xml", "<script>", "</script>", "<style", "<title>", "<", ">", "…", "😀", "\u001b]52;c;AAAA\a", "\u202e", "\u2029", "\u00ad", "\U000e0020", "\u3000");

    public override Task RunAsync(FuzzInput input)
    {
        // What is no UTF-8 becomes halves of surrogate pairs, which decoders of JSON let through as escapes.
        string text = string.Concat(input.Text.Select(c => c == '\ufffd' ? '\ud800' : c));
        int limit = input.NewRandom().Next(1, 400);

        string line = UntrustedText.OneLine(text, limit);
        Require.Line(line, limit);
        Require.That(line.StartsWith('<') || line == UntrustedText.OneLine(line, limit), "a line that is fit stays as it is", line);

        string escaped = UntrustedText.Escaped(text, limit);
        Require.Line(escaped, limit);
        Require.Same(escaped, UntrustedText.Escaped(escaped, limit), "an escaped text stays as it is");
        Require.Same(UntrustedText.IsPrintable(text) && text.Length <= limit, escaped == text, "a text is changed only where it must be");
        return Task.CompletedTask;
    }
}
