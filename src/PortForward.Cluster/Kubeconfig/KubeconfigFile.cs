using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace PortForward.Cluster.Kubeconfig;

/// <summary>One kubeconfig file as it stands on disk. YAML and JSON are read alike, since JSON is YAML.</summary>
internal sealed class KubeconfigFile
{
    /// <summary>Files above this size are not read: a kubeconfig with a hundred clusters has less than 1 MiB.</summary>
    private const int MaxSize = 16 * 1024 * 1024;

    private const int MaxDepth = 64;

    private KubeconfigFile(string path, YamlMappingNode? root)
    {
        Path = path;
        Root = root;
    }

    /// <summary>The file's full path; relative paths in it are meant from its folder.</summary>
    public string Path { get; }

    /// <summary>The document; null if the file is empty.</summary>
    public YamlMappingNode? Root { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ClusterException">It cannot be read, or is no kubeconfig.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static KubeconfigFile Read(string path)
    {
        string fullPath = System.IO.Path.GetFullPath(path);
        try
        {
            using FileStream file = File.OpenRead(fullPath);
            if (file.CanSeek && file.Length > MaxSize)
            {
                throw new ClusterException($"the kubeconfig {path} has {file.Length} bytes, which is no kubeconfig: check --kubeconfig and KUBECONFIG");
            }

            var yaml = new YamlStream();
            using var text = new StreamReader(file);
            yaml.Load(new BoundedParser(new Parser(text), MaxDepth));
            return yaml.Documents switch
            {
                [] => new KubeconfigFile(fullPath, root: null),
                [var first, ..] when first.RootNode is YamlMappingNode root => new KubeconfigFile(fullPath, root),
                [var first, ..] when first.RootNode is YamlScalarNode { Value: null or "" } => new KubeconfigFile(fullPath, root: null),
                _ => throw Malformed(path, "its top level is no mapping"),
            };
        }
        catch (DirectoryNotFoundException e)
        {
            throw new FileNotFoundException(e.Message, path, e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or (IOException and not FileNotFoundException))
        {
            throw new ClusterException($"the kubeconfig {path} cannot be read: {e.Message}", e);
        }
        catch (YamlException e)
        {
            throw Malformed(path, $"line {e.Start.Line}: {(e.InnerException ?? e).Message}", e);
        }
    }

    private static ClusterException Malformed(string path, string why, Exception? cause = null) =>
        new($"the kubeconfig {path} is malformed: {Api.PlainText.OneLine(why)}", cause);
}
