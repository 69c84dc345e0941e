using System.CommandLine;
using System.Text;

namespace PortForward.Cli.Commands;

/// <summary>The text of <c>pf --help</c>: examples first, then every flag.</summary>
internal static class HelpText
{
    private const int Width = 100;
    private const int DescriptionColumn = 38;

    private const string Opening = """
        pf forwards local ports to a pod of a Kubernetes cluster: kubectl port-forward, done right.

        Usage:
          pf [TYPE/]NAME [flags] [LOCAL:]REMOTE ...

        Examples:
          # localhost:8080 leads to port 80 of the pod web
          pf pod/web 8080:80

          # the same number on both sides, and a random free local port
          pf web 5432 :6379

          # whichever pod serves a deployment or a service; service ports and port names are translated
          pf deploy/web 8080:http
          pf svc/web 8080:80

          # in another namespace and context, listening on all addresses of this machine
          pf -n shop --context staging --address 0.0.0.0 svc/web 8080:80

        """;

    /// <summary>The lines for somebody who has typed <c>pf</c> alone.</summary>
    public static IReadOnlyList<string> Usage { get; } =
    [
        "",
        "Usage:",
        "  pf [TYPE/]NAME [flags] [LOCAL:]REMOTE ...",
        "",
        "Examples:",
        "  pf pod/web 8080:80             localhost:8080 leads to port 80 of the pod web",
        "  pf svc/web 8080:80             a pod behind a service, and the service's port 80",
        "  pf -n shop deploy/web :http    a named port of a deployment, on any free local port",
    ];

    private const string Closing = """

        stdout carries kubectl's own lines ("Forwarding from ...", once connections will be served); all
        else goes to stderr. Ctrl-C, SIGTERM and SIGHUP end pf with exit code 0; any error is exit code 1.
        """;

    public static string Render(ForwardFlags flags)
    {
        var text = new StringBuilder(Opening);
        foreach ((string title, IReadOnlyList<Option> options) in flags.Groups)
        {
            text.Append('\n').Append(title).Append(":\n");
            foreach (Option option in options)
            {
                AppendOption(text, option);
            }
        }

        text.Append("\nTaken for kubectl's sake, without effect:\n  ");
        AppendWrapped(text, string.Join(' ', flags.WithoutEffect.Select(option => option.Name)), column: 2);
        return text.Append('\n').Append(Closing).ToString();
    }

    private static void AppendOption(StringBuilder text, Option option)
    {
        string shortName = option.Aliases.FirstOrDefault() is { } alias ? $"{alias}, " : "    ";
        string left = $"  {shortName}{option.Name}{(option.ValueType == typeof(bool) ? "" : $" {option.HelpName}")}";
        text.Append(left);
        if (left.Length + 2 > DescriptionColumn)
        {
            text.Append('\n').Append(' ', DescriptionColumn);
        }
        else
        {
            text.Append(' ', DescriptionColumn - left.Length);
        }

        AppendWrapped(text, option.Description!, DescriptionColumn);
        text.Append('\n');
    }

    private static void AppendWrapped(StringBuilder text, string words, int column)
    {
        int at = column;
        foreach (string word in words.Split(' '))
        {
            if (at > column && at + 1 + word.Length > Width)
            {
                text.Append('\n').Append(' ', column);
                at = column;
            }

            if (at > column)
            {
                text.Append(' ');
                at++;
            }

            text.Append(word);
            at += word.Length;
        }
    }
}
