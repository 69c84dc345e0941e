using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Tests.Kubeconfig;

/// <summary>A temporary folder that is the user's home; nothing of the real surroundings is seen from it.</summary>
internal sealed class HomeFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, string> _variables = new(StringComparer.Ordinal);

    public HomeFolder() => _variables["HOME"] = Path;

    public string Path => _folder.Path;

    /// <summary>What a program that runs at home in this folder finds around it.</summary>
    public LocalEnvironment Environment => new()
    {
        Variables = name => _variables.GetValueOrDefault(name),
        IsInputTerminal = () => false,
        ServiceAccountFolder = this["serviceaccount"],
    };

    /// <summary>The full path of a file in the folder.</summary>
    public string this[string name] => _folder[name];

    public string Write(string name, string text) => _folder.Write(name, text);

    public string Write(string name, byte[] content) => _folder.Write(name, content);

    public HomeFolder Set(string variable, string value)
    {
        _variables[variable] = value;
        return this;
    }

    public void Dispose() => _folder.Dispose();
}
