using PortForward.Cluster.Kubeconfig;

namespace PortForward.Fuzzing.Support;

/// <summary>A folder for the files that a target has to write; it is also the user's home, from which nothing of the real one is seen.</summary>
internal static class ScratchFolder
{
    private static readonly TemporaryFolder Folder = Create();

    /// <summary>What a program that runs at home in the folder finds around it.</summary>
    /// <param name="variables">The environment's variables besides HOME.</param>
    public static LocalEnvironment Environment(params (string Name, string Value)[] variables) => new()
    {
        Variables = name => name == "HOME" ? Folder.Path : variables.FirstOrDefault(variable => variable.Name == name).Value,
        IsInputTerminal = static () => false,
        ServiceAccountFolder = Folder["serviceaccount"],
    };

    /// <summary>Writes a file.</summary>
    /// <returns>Its path.</returns>
    public static string Write(string name, byte[] content) => Folder.Write(name, content);

    private static TemporaryFolder Create()
    {
        var folder = new TemporaryFolder();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
        return folder;
    }
}
