namespace PortForward.Cluster.Kubeconfig;

/// <summary>Files that the user names for credentials and certificates.</summary>
internal static class LocalFile
{
    /// <summary>Reads a file whole.</summary>
    /// <exception cref="ClusterException">It cannot be read; the message says what it was wanted for.</exception>
    public static byte[] ReadAllBytes(string path, string purpose)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ClusterException($"unable to read {purpose}: {Api.PlainText.OneLine(e.Message)}", e);
        }
    }
}
