using System.Buffers;

namespace PortForward.Cli.Output;

/// <summary>Text that a POSIX shell reads as it was.</summary>
internal static class ShellText
{
    /// <summary>What means nothing to a shell that reads the value of a variable.</summary>
    private static readonly SearchValues<char> Plain = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:@%+=,[]");

    /// <summary>A value behind <c>NAME=</c>: in single quotes if anything in it would mean something, else as it is, since not only shells read such files.</summary>
    public static string Value(string value) => value.AsSpan().ContainsAnyExcept(Plain) ? $"'{value.Replace("'", "'\\''", StringComparison.Ordinal)}'" : value;
}
