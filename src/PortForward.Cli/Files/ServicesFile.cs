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
        bool isEmpty = true;
        foreach (Service service in services.OrderBy(static service => service.Metadata?.Name, StringComparer.Ordinal))
        {
            string called = service.Metadata!.Name!;
            ServicePort[] ports = service.Spec?.Type == External ? [] : [.. (service.Spec?.Ports ?? []).Where(static port => port.Protocol is null or "" or "TCP")];
            if (ports.Length == 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"  # svc/{called} is left out: it has no TCP port to forward\n");
                continue;
            }

            isEmpty = false;
            string name = NameFor(called, names);
            string written = string.Join(", ", ports.Select(port => Quote(PortText(port, ports, taken))));
            string note = service.Spec?.ClusterIP == Headless ? "   # headless: these are the pods' own ports" : "";
            text.Append(CultureInfo.InvariantCulture, $"  {Key(name)}: {{ target: {Quote($"svc/{called}")}, ports: [{written}] }}{note}\n");
        }

        return isEmpty ? null : text.ToString();
    }

    private static string NameFor(string service, HashSet<string> taken)
    {
        string name = ForwardName.IsValid(service) ? service : $"svc-{service}";
        IEnumerable<string> others = Enumerable.Range(2, taken.Count + 1).Select(number => $"{name}-{number}");
        return others.Prepend(name).First(candidate => taken.Add(ForwardName.InVariable(candidate)));
    }

    /// <summary>The port by its name where it has one that is its own, and the local one with the same number or a like one.</summary>
    private static string PortText(ServicePort port, ServicePort[] all, HashSet<int> taken)
    {
        string remote = string.IsNullOrEmpty(port.Name) || all.Count(other => other.Name == port.Name) > 1 || !PortSpec.TryParse($":{port.Name}", out _, out _)
            ? $"{port.Number}" : port.Name;
        int first = port.Number < Unprivileged ? port.Number + MovedBy : port.Number;
        int local = Enumerable.Range(first, ushort.MaxValue - first + 1).FirstOrDefault(taken.Add);
        return local == 0 ? $":{remote}" : $"{local}:{remote}";
    }

    private static string Key(string name) => PlainText.Otherwise(name) is null ? name : Quote(name);

    /// <summary>A text of JSON is one of YAML, too.</summary>
    private static string Quote(string text) => $"\"{JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text)}\"";
}
