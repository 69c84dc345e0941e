namespace PortForward.Cluster.Kubeconfig;

/// <summary>Files that the user names for credentials and certificates.</summary>
internal static class LocalFile
{
    /// <summary>Larger files are not read: neither tokens nor bundles of certificates come near it.</summary>
    private const int MaxSize = 16 * 1024 * 1024;

    /// <summary>Reads a file whole.</summary>
    /// <exception cref="ClusterException">It cannot be read; the message says what it was wanted for.</exception>
    public static byte[] ReadAllBytes(string path, string purpose)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            using var bytes = new MemoryStream();
            byte[] buffer = new byte[16384];
            while (file.Read(buffer) is > 0 and int read)
            {
                bytes.Write(buffer, 0, read);
                if (bytes.Length > MaxSize)
                {
                    throw new ClusterException($"unable to read {purpose}: {path} has more than {MaxSize >> 20} MiB");
                }
            }

            return bytes.ToArray();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string why = FileFault.IsMissing(e) ? $" does not exist{PathHint.Behind(path)}" : $": {FileFault.WhyUnreadable(path, e)}";
            throw new ClusterException($"unable to read {purpose}: {UntrustedText.OneLine(path)}{why}", e);
        }
    }
}
