using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Tests.Kubeconfig;

/// <summary>A folder of the test's own, which is also the user's home; nothing of the real surroundings is seen from it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly Dictionary<string, string> _variables = new(StringComparer.Ordinal);

    public TemporaryFolder()
    {
        Path = Directory.CreateTempSubdirectory("pf-test-").FullName;
        _variables["HOME"] = Path;
    }

    public string Path { get; }

    /// <summary>What a program that runs at home in this folder finds around it.</summary>
    public LocalEnvironment Environment => new()
    {
        Variables = name => _variables.GetValueOrDefault(name),
        IsInputTerminal = () => false,
        ServiceAccountFolder = System.IO.Path.Combine(Path, "serviceaccount"),
    };

    public TemporaryFolder Set(string variable, string value)
    {
        _variables[variable] = value;
        return this;
    }

    /// <summary>The full path of a file in the folder.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    public string Write(string name, string text)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[name])!);
        File.WriteAllText(this[name], text);
        return this[name];
    }

    public string Write(string name, byte[] content)
    {
        File.WriteAllBytes(this[name], content);
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
