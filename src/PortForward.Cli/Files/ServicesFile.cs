using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using PortForward.Cli.Names;
using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cli.Files;

/// <summary>Writes a file of forwards for the services of a namespace: each with all its TCP ports, and each local port once.</summary>
internal static class ServicesFile
{
    /// <summary>Where the schema is looked for: beside the file.</summary>
    public const string Schema = "pf.schema.json";

    private const int Unprivileged = 1024, MovedBy = 8000;
    private const string Headless = "None", External = "ExternalName";

    /// <summary>The text of the file; null if no service has a port to forward.</summary>
    /// <param name="services">The services.</param>
    /// <param name="namespace">Their namespace.</param>
    /// <param name="context">The context; null if there is none.</param>
    public static string? Write(IEnumerable<Service> services, string @namespace, string? context)
    {
        var text = new StringBuilder($"# yaml-language-server: $schema={Schema}\nversion: 1\n");
        text.Append(context is null ? "" : $"# context: {Quote(context)}   # only this one: pf up refuses any other\n").Append(CultureInfo.InvariantCulture, $"namespace: {Quote(@namespace)}\nforwards:\n");
        var taken = new HashSet<int>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        (int written, int leftOut) = (0, 0);
        foreach (Service service in services.OrderBy(static service => service.Metadata?.Name, StringComparer.Ordinal))
        {
            string called = service.Metadata?.Name ?? "";
            ServicePort[] ports = service.Spec?.Type == External ? [] : [.. (service.Spec?.Ports ?? []).Where(static port => IsTaken(port))];
            if (written == RunFileReader.MaxForwards || !IsName(called) || text.Length + LengthFor(called, ports) > RunFileOpening.MaxSize)
            {
                leftOut++;
                continue;
            }

            if (@namespace == "default" && called == "kubernetes")
            {
                text.Append(CultureInfo.InvariantCulture, $"  # svc/{called} is left out: it is the API server itself, and leads to no pod\n");
                continue;
            }

            if (ports.Length == 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"  # svc/{called} is left out: it has no TCP port to forward\n");
                continue;
            }

            written++;
            string name = NameFor(called, ports, names);
            string ofPorts = string.Join(", ", ports.Select(port => Quote(PortText(port, ports, taken))));
            string note = service.Spec?.ClusterIP == Headless ? "   # headless: these are the pods' own ports" : "";
            text.Append(CultureInfo.InvariantCulture, $"  {Key(name)}: {{ target: {Quote($"svc/{called}")}, ports: [{ofPorts}] }}{note}\n");
        }

        text.Append(leftOut == 0 ? "" : $"  # {leftOut} more left out: a file has no more than {RunFileReader.MaxForwards} forwards and {RunFileOpening.MaxSize >> 20} MiB\n");
        return written == 0 ? null : text.ToString();
    }

    private static bool IsTaken(ServicePort port) => port is { Protocol: null or "" or "TCP", Number: > 0 and <= ushort.MaxValue };

    /// <summary>Whether the reader takes it in a target, as it takes all names that a cluster should have.</summary>
    private static bool IsName(string service) =>
        service is not ("" or "." or "..") && service.All(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '.');

    /// <summary>As many characters as a service may need, and the last comment besides.</summary>
    private static int LengthFor(string service, ServicePort[] ports) => 300 + (3 * service.Length) + ports.Sum(static port => 20 + (port.Name?.Length ?? 0));

    /// <summary>A name of which no variable is another forward's already.</summary>
    private static string NameFor(string service, ServicePort[] ports, HashSet<string> taken)
    {
        string name = ForwardName.IsValid(service) ? service : $"svc-{service}";
        IEnumerable<string> others = Enumerable.Range(2, taken.Count + 1).Select(number => $"{name}-{number}");
        string free = others.Prepend(name).First(candidate => !VariablesOf(candidate, ports).Any(taken.Contains));
        taken.UnionWith(VariablesOf(free, ports));
        return free;
    }

    private static IEnumerable<string> VariablesOf(string name, ServicePort[] ports) =>
        ports.Select(port => ForwardName.InVariable($"{name}_{RemoteOf(port, ports)}")).Prepend(ForwardName.InVariable(name));

    /// <summary>The port by its name where it has one that is its own, and the local one with the same number or a like one.</summary>
    private static string PortText(ServicePort port, ServicePort[] all, HashSet<int> taken)
    {
        string remote = RemoteOf(port, all);
        int first = port.Number < Unprivileged ? port.Number + MovedBy : port.Number;
        int local = Enumerable.Range(first, ushort.MaxValue - first + 1).FirstOrDefault(taken.Add);
        return local == 0 ? $":{remote}" : $"{local}:{remote}";
    }

    private static string RemoteOf(ServicePort port, ServicePort[] all) =>
        string.IsNullOrEmpty(port.Name) || all.Count(other => other.Name == port.Name) > 1 || !PortSpec.TryParse($":{port.Name}", out _, out _) ? $"{port.Number}" : port.Name;

    private static string Key(string name) => PlainText.Otherwise(name) is null ? name : Quote(name);

    /// <summary>A text of JSON is one of YAML, too.</summary>
    private static string Quote(string text) => $"\"{JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text)}\"";
}
