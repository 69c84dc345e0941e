using PortForward.Cli.Names;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;

namespace PortForward.Cli.Files;

/// <summary>Reads the forwards that a file names, and finds all that is wrong with them and can be known from the file.</summary>
internal sealed class RunFileReader
{
    /// <summary>The most forwards that a file may have.</summary>
    public const int MaxForwards = 1000;

    private const string Version = "1";
    private static readonly string[] Fields = ["version", "context", "namespace", "address", "forwards", "env"];
    private static readonly string[] ForwardFields = ["target", "ports", "context", "namespace", "address", "groups"];

    private readonly Mistakes _mistakes;
    private readonly FileTexts _texts;
    private readonly string _folder;

    private RunFileReader(string folder, Func<string, string?> variables, Mistakes mistakes)
    {
        _folder = folder;
        _mistakes = mistakes;
        _texts = new FileTexts(variables, mistakes);
    }

    /// <summary>Reads a file's text.</summary>
    /// <param name="file">The file.</param>
    /// <param name="variables">Reads an environment variable; null if it is missing.</param>
    /// <exception cref="FileException">Something is wrong with it.</exception>
    public static RunFile Read(FileText file, Func<string, string?> variables)
    {
        var mistakes = new Mistakes();
        RunFile? read = null;
        if (YamlReader.Read(SourceText.Of(file.Text, mistakes), mistakes) is { } root)
        {
            read = new RunFileReader(file.Folder, variables, mistakes).ReadRoot(root, file);
            FileConflicts.Find(read, mistakes);
            if (!file.IsNamed)
            {
                FoundFileRules.Find(read, mistakes);
            }
        }
        else if (mistakes.All.Count == 0)
        {
            mistakes.Add(new FilePosition(1, 1), "the file is empty: pf init writes one");
        }

        return mistakes.All.Count == 0 ? read! : throw FileException.Of(file.Path, mistakes.All);
    }

    private RunFile ReadRoot(YamlNode node, FileText file)
    {
        var empty = new RunFile { Path = file.Path, Folder = file.Folder, IsNamed = file.IsNamed, Forwards = [], Variables = [] };
        if (node is not YamlMapping root)
        {
            _mistakes.Add(node.At, "the file is a mapping, with version and forwards as its keys");
            return empty;
        }

        if (FindVersion(root) is { } other)
        {
            _mistakes.Add(other.At, $"the version is 1, the only one that this pf knows: write version: {Version}, without quotes");
            return empty; // Its keys may have another meaning.
        }

        var fields = new FileFields(root, Fields, "the file", _mistakes);
        fields.Required("version", root.At, $"the version is missing: begin with version: {Version}");
        YamlNode? forwards = fields.Required("forwards", root.At, "forwards is missing: it has a key for each forward, such as db: { target: svc/postgres, ports: [\"5432\"] }");
        RunFile read = empty with
        {
            Context = _texts.Read(fields["context"], "context"),
            Namespace = CheckedNamespace(_texts.Read(fields["namespace"], "namespace")),
            Address = CheckedAddress(_texts.Read(fields["address"], "address")),
            Forwards = ReadForwards(forwards),
        };
        return read with { Variables = new FileVariables(_texts, _mistakes, [.. read.Forwards.Select(static forward => forward.Name)]).Read(fields["env"]) };
    }

    /// <summary>The version, if it is another one than this program's.</summary>
    private static YamlNode? FindVersion(YamlMapping root) =>
        root.Entries.Where(static entry => entry.Key.Value == "version").Select(static entry => entry.Value)
            .FirstOrDefault(static value => value is not YamlText { IsPlain: true, Value: Version });

    private List<RunFileForward> ReadForwards(YamlNode? node)
    {
        var forwards = new List<RunFileForward>();
        if (node is null)
        {
            return forwards;
        }

        if (node is not YamlMapping { Unquoted: null } mapping)
        {
            _mistakes.Add(node.At, "forwards is a mapping with a key for each forward, such as db: { target: svc/postgres, ports: [\"5432\"] }");
            return forwards;
        }

        if (mapping.Entries.Count == 0)
        {
            _mistakes.Add(mapping.At, "forwards has no forward, such as db: { target: svc/postgres, ports: [\"5432\"] }");
        }

        if (mapping.Entries.Count > MaxForwards)
        {
            _mistakes.Add(mapping.Entries[MaxForwards].Key.At, $"forwards has more than {MaxForwards}");
        }

        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach ((YamlText key, YamlNode value) in mapping.Entries.Take(MaxForwards))
        {
            if (_texts.Text(key, "a name") is null)
            {
                continue;
            }

            if (!ForwardName.IsValid(key.Value))
            {
                _mistakes.Add(key.At, $"{UntrustedText.OneLine(key.Value, maxLength: 60)} is no name for a forward: {ForwardName.Form}");
            }
            else if (!lines.TryAdd(key.Value, key.At.Line))
            {
                _mistakes.Add(key.At, $"{key.Value} is there twice: line {lines[key.Value]} has it already");
            }

            forwards.Add(ReadForward(key, value));
        }

        return forwards;
    }

    private RunFileForward ReadForward(YamlText name, YamlNode node)
    {
        var empty = new RunFileForward { Name = name.Value, At = name.At, Target = "", Ports = [], Groups = [] };
        if (node is not YamlMapping { Unquoted: null } mapping)
        {
            _mistakes.Add(node is YamlText { Value: "" } ? name.At : node.At, $"{name.Value} is a mapping, such as {{ target: svc/postgres, ports: [\"5432\"] }}");
            return empty;
        }

        var fields = new FileFields(mapping, ForwardFields, "a forward", _mistakes);
        YamlNode? target = fields.Required("target", name.At, $"{name.Value} has no target, such as target: svc/{name.Value}");
        YamlNode? ports = target is null ? fields["ports"] : fields.Required("ports", name.At, $"{name.Value} has no ports, such as ports: [\"8080:80\"]");
        return empty with
        {
            Target = ReadTarget(_texts.Read(target, "target")),
            Ports = ReadPorts(ports),
            Context = _texts.Read(fields["context"], "context"),
            Namespace = CheckedNamespace(_texts.Read(fields["namespace"], "namespace")),
            Address = CheckedAddress(_texts.Read(fields["address"], "address")),
            Groups = ReadGroups(fields["groups"]),
        };
    }

    private string ReadTarget(Placed? target)
    {
        if (target is null)
        {
            return "";
        }

        string? wrong = target.Text.StartsWith(TargetReference.SelectorPrefix, StringComparison.Ordinal) ? $"{target.Text}: a file has no label selectors; use the flag -l"
            : target.Text.Contains('@', StringComparison.Ordinal) ? $"{target.Text}: a namespace has a key of its own here, namespace"
            : target.Text.Contains('=', StringComparison.Ordinal) ? $"{target.Text}: the name is the key of the forward here"
            : !target.Text.Contains('/', StringComparison.Ordinal) ? $"{target.Text} has no type: a target is TYPE/NAME, such as pod/{target.Text}"
            : TargetReference.TryParse(target.Text, out _, out string? error) ? null : error;
        if (wrong is not null)
        {
            _mistakes.Add(target.At, target.Wrong(wrong, "target"));
        }

        return target.Text;
    }

    private List<Placed> ReadPorts(YamlNode? node)
    {
        if (node is YamlList { Items: [], Unquoted: null })
        {
            _mistakes.Add(node.At, "ports has no port, such as [\"8080:80\"]");
        }

        var ports = new List<Placed>();
        foreach (Placed written in _texts.Items(node, "ports", "[\"8080:80\"]").Select(item => _texts.Read(item, "a port")).OfType<Placed>())
        {
            Placed port = written with { Text = SocketPort.Rooted(written.Text, _folder) };
            if (PortSpec.TryParse(port.Text, out _, out string? wrong))
            {
                ports.Add(port);
            }
            else
            {
                _mistakes.Add(port.At, port.Wrong(wrong, "port"));
            }
        }

        return ports;
    }

    /// <summary>Groups are names, so that nothing is filled in.</summary>
    private List<string> ReadGroups(YamlNode? node)
    {
        var groups = new List<string>();
        foreach (YamlText? group in _texts.Items(node, "groups", "[front]").Select(item => _texts.Text(item, "a group")))
        {
            if (group is not null && ForwardName.IsValid(group.Value))
            {
                groups.Add(group.Value);
            }
            else if (group is not null)
            {
                _mistakes.Add(group.At, $"{UntrustedText.OneLine(group.Value, maxLength: 60)} is no name for a group: {ForwardName.Form}");
            }
        }

        return groups;
    }

    private Placed? CheckedNamespace(Placed? @namespace)
    {
        if (@namespace is not null && TargetReference.CheckName(@namespace.Text, "namespace") is { } wrong)
        {
            _mistakes.Add(@namespace.At, @namespace.Wrong(wrong, "namespace"));
        }

        return @namespace;
    }

    private Placed? CheckedAddress(Placed? address)
    {
        try
        {
            _ = address is null ? null : ListenAddress.Parse([address.Text]);
            return address;
        }
        catch (FormatException e)
        {
            _mistakes.Add(address!.At, address.Wrong(e.Message, "address"));
            return null;
        }
    }
}
