using System.Text;

namespace PortForward.Cli.Output;

/// <summary>Names of reasons in JSON.</summary>
internal static class StableName
{
    /// <summary>A member of an enumeration, <c>TimedOut</c> as <c>timed-out</c>.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum
    {
        var name = new StringBuilder();
        foreach (char c in value.ToString())
        {
            if (char.IsAsciiLetterUpper(c) && name.Length > 0)
            {
                name.Append('-');
            }

            name.Append(char.ToLowerInvariant(c));
        }

        return name.ToString();
    }
}
