using System.Net;
using System.Text.RegularExpressions;
using PortForward.Testing.Api;

namespace PortForward.Cli.Tests.DropIn;

/// <summary>What a program did with a command line.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">The lines of its stdout.</param>
/// <param name="Error">The lines of its stderr.</param>
internal sealed partial record Observation(int ExitCode, IReadOnlyList<string> Output, IReadOnlyList<string> Error)
{
    /// <summary>The requests of this program that reached the server.</summary>
    public IReadOnlyList<RecordedRequest> Requests { get; init; } = [];

    /// <summary>stdout with letters for local ports: the same for the same port. Which are free is chance.</summary>
    public IReadOnlyList<string> NormalizedOutput
    {
        get
        {
            var letters = new Dictionary<string, string>(StringComparer.Ordinal);
            return [.. Output.Select(line => LocalPort().Replace(line, match => match.Groups["before"].Value + Letter(match.Groups["port"].Value)))];

            string Letter(string port)
            {
                letters.TryAdd(port, $"<{(char)('a' + letters.Count)}>");
                return letters[port];
            }
        }
    }

    /// <summary>
    /// The first line on stderr that is meant for the user, without pf's hint at its help and without the name server that kubectl names; empty when there is none.
    /// </summary>
    public string FirstError => Incidental().Replace(Error.FirstOrDefault(line => line.Length > 0 && !DiagnosticLine().IsMatch(line)) ?? "", "");

    /// <summary>Where the forward of a line of stdout listens; null when it is another line.</summary>
    public static IPEndPoint? EndPointOf(string line) =>
        ForwardingLine().Match(line) is { Success: true } match && IPEndPoint.TryParse(match.Groups["local"].Value, out IPEndPoint? endPoint) ? endPoint : null;

    public override string ToString() =>
        $"exit code {ExitCode}\nstdout:\n{Indented(NormalizedOutput)}stderr:\n{Indented(Error)}requests:\n{Indented(Requests.Select(one => one.ToString()))}";

    private static string Indented(IEnumerable<string> lines) => string.Concat(lines.Select(line => $"    {line}\n"));

    [GeneratedRegex(@"^(?<before>Forwarding from \S+:|Handling connection for )(?<port>\d+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex LocalPort();

    [GeneratedRegex(@" \(see pf --help\)$|(?<=: lookup \S+) on \S+:53(?=: )", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Incidental();

    [GeneratedRegex(@"^Forwarding from (?<local>\S+) -> \d+$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ForwardingLine();

    /// <summary>A line of kubectl's log, e.g. <c>E0102 15:04:05.000000 17 file.go:1] …</c>, or one of pf's diagnostics or its word that it waits.</summary>
    [GeneratedRegex(@"^([EWIF]\d{4} |[WIDTE] \d\d:\d\d:|waiting for )", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex DiagnosticLine();
}
