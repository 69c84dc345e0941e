using System.Text;

namespace PortForward.Cluster.Kubeconfig;

/// <summary>Lists of paths in environment variables, split as Go does.</summary>
internal static class PathList
{
    /// <summary>The paths of a list, without empty ones.</summary>
    public static IReadOnlyList<string> Split(string list) => Split(list, OperatingSystem.IsWindows());

    /// <summary>On Windows a path may be in quotes, since it may contain the separator; they are no part of it.</summary>
    internal static IReadOnlyList<string> Split(string list, bool isWindows)
    {
        if (!isWindows)
        {
            return list.Split(':', StringSplitOptions.RemoveEmptyEntries);
        }

        var unquoted = new StringBuilder();
        bool isQuoted = false;
        foreach (char c in list)
        {
            isQuoted ^= c == '"';
            unquoted.Append(c == ';' && !isQuoted ? '\0' : c);
        }

        return unquoted.Replace("\"", "").ToString().Split('\0', StringSplitOptions.RemoveEmptyEntries);
    }
}
