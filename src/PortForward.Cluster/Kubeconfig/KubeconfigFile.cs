using System.Text;
using YamlDotNet.Core;

namespace PortForward.Cluster.Kubeconfig;

/// <summary>One kubeconfig file as it is on disk. YAML and JSON are read alike, since JSON is YAML.</summary>
internal sealed class KubeconfigFile
{
    /// <summary>Larger files are not read: a kubeconfig with a hundred clusters has less than 1 MiB.</summary>
    private const int MaxSize = 16 * 1024 * 1024;

    private KubeconfigFile(string path, string text, Encoding encoding, ConfigMapping? root)
    {
        Path = path;
        Text = text;
        Encoding = encoding;
        Root = root;
    }

    /// <summary>The file's full path; relative paths in it are meant from its folder.</summary>
    public string Path { get; }

    /// <summary>The file's text, to which the offsets in <see cref="Root"/> refer. It holds secrets.</summary>
    public string Text { get; }

    /// <summary>How the text is written, byte order mark included.</summary>
    public Encoding Encoding { get; }

    /// <summary>The document; null if the file is empty.</summary>
    public ConfigMapping? Root { get; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="ClusterException">It cannot be read, or is no kubeconfig.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static KubeconfigFile Read(string path)
    {
        string fullPath = System.IO.Path.GetFullPath(path);
        if (Directory.Exists(fullPath))
        {
            throw new ClusterException($"the kubeconfig {path} is a directory: check --kubeconfig and KUBECONFIG");
        }

        try
        {
            using FileStream file = File.OpenRead(fullPath);
            using MemoryStream bytes = ReadBounded(file, path);
            bool marked = HasByteOrderMark(bytes);
            using var reader = new StreamReader(bytes, new UTF8Encoding(encoderShouldEmitUTF8Identifier: marked, throwOnInvalidBytes: true));
            string text = reader.ReadToEnd();
            return new KubeconfigFile(fullPath, text, reader.CurrentEncoding, ReadRoot(text, path));
        }
        catch (DirectoryNotFoundException e)
        {
            throw new FileNotFoundException(e.Message, path, e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or (IOException and not FileNotFoundException))
        {
            throw new ClusterException($"the kubeconfig {path} cannot be read: {FileFault.WhyUnreadable(fullPath, e)}", e);
        }
        catch (DecoderFallbackException)
        {
            throw Malformed(path, "it is no text");
        }
    }

    /// <summary>Reads a kubeconfig's text.</summary>
    /// <exception cref="ClusterException">It is no kubeconfig.</exception>
    public static ConfigMapping? ReadRoot(string text, string path)
    {
        // YAML knows no NUL, and the parser takes it for the end.
        if (text.Contains('\0'))
        {
            throw Malformed(path, "it is no text");
        }

        try
        {
            ConfigMapping? root = ConfigReader.Read(text) switch
            {
                null => null,
                ConfigMapping mapping => mapping,
                { } other => throw Malformed(path, $"{other.At}: its top level is no mapping"),
            };
            return root?.Text("kind") is null or "Config"
                ? root
                : throw Malformed(path, $"{root.Fields["kind"].At}: its kind is {UntrustedText.OneLine(root.Text("kind"))}, not Config");
        }
        catch (YamlException e)
        {
            throw Malformed(path, $"{new ConfigPosition(e.Start.Line, e.Start.Column)}: {UntrustedText.OneLine(e.Message).TrimEnd('.')}", e);
        }
    }

    private static MemoryStream ReadBounded(FileStream file, string path)
    {
        var bytes = new MemoryStream();
        byte[] buffer = new byte[16384];
        while (file.Read(buffer) is > 0 and int read)
        {
            bytes.Write(buffer, 0, read);
            if (bytes.Length > MaxSize)
            {
                throw new ClusterException($"the kubeconfig {path} has more than {MaxSize >> 20} MiB, which is no kubeconfig: check --kubeconfig and KUBECONFIG");
            }
        }

        bytes.Position = 0;
        return bytes;
    }

    private static bool HasByteOrderMark(MemoryStream bytes) => bytes.GetBuffer().AsSpan(0, (int)bytes.Length).StartsWith(Encoding.UTF8.Preamble);

    private static ClusterException Malformed(string path, string why, Exception? cause = null) =>
        new($"the kubeconfig {path} is malformed: {why}", cause);
}
