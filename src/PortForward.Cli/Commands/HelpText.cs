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
          pf [TYPE/]NAME [flags] [LOCAL:]REMOTE ... [[NAME=]TYPE/NAME[@NAMESPACE] PORT ...] [-- COMMAND]
          pf -l SELECTOR [flags] [LOCAL:]REMOTE ... [-- COMMAND]
          pf -W [TYPE/]NAME[@NAMESPACE]:PORT [flags]
          pf up [NAME|GROUP ...] [-f FILE] [-- COMMAND]
          pf check [-f FILE] [--cluster]
          pf init [-f FILE]

        Examples:
          # localhost:8080 leads to port 80 of the pod web
          pf pod/web 8080:80

          # the same number on both sides, and a random free local port
          pf web 5432 :6379

          # whichever pod serves a deployment or a service; service ports and port names are translated
          pf deploy/web 8080:http
          pf svc/web 8080:80

          # whichever pod has these labels
          pf -l app=web,tier=front 8080:80

          # in another namespace and context, listening on all addresses of this machine
          pf -n shop --context staging --address 0.0.0.0 svc/web 8080:80

          # several targets at once, one with a name of its own, one in another namespace
          pf db=svc/postgres :5432 svc/redis@cache 6379

          # a command behind them: it is told where they are, and its exit code is pf's
          pf db=svc/postgres :5432 -- sh -c 'psql -h $PF_DB_HOST -p $PF_DB_PORT -c "select 1"'
          pf svc/web :80 -- curl -sf http://{{web.addr}}/health

          # a socket file in place of a local port: psql -h /run/user/1000
          pf svc/postgres unix:/run/user/1000/.s.PGSQL.5432:5432

          # stdin and stdout instead of listening, as with ssh -W
          ssh -o ProxyCommand='pf -W pod/dev:22' me@dev

          # the forwards of pf.yaml: all, or those of a group with a command behind them
          pf up
          pf up front -- npm test

          # write a pf.yaml for the namespace's services; check it, also against the cluster
          pf init -n shop
          pf check --cluster

          # an address of its own for one port, and the first free port of a range
          pf svc/web 127.0.0.2:8080:80 8000-8010:80

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
        "  pf svc/web :80 -- npm test     a command behind it, which finds the port in PF_WEB_PORT",
    ];

    private const string Closing = """

        stdout carries kubectl's own lines ("Forwarding from ...", once connections will be served); all
        else goes to stderr. Ctrl-C, SIGTERM and SIGHUP end pf with exit code 0; any error is exit code 1.
        With a command stdout is the command's, and so is the exit code: 125 if pf has failed before it,
        126 and 127 if it cannot be run or found, 128 and more if a signal has ended it. With -W stdout
        has nothing but data; exit code 0 is a whole answer, and 128 and more a signal.
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
