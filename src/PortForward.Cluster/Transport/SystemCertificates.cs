using System.Runtime.InteropServices;

namespace PortForward.Cluster.Transport;

/// <summary>The system's certificate store, as far as it is not needed.</summary>
/// <remarks>
/// On Linux .NET reads all of it before it builds the first chain, also when the anchors are given and it has no part in that chain: half of a start
/// (docs/decisions/0012). OpenSSL's variables say where it is, and the runtime asks them once.
/// </remarks>
internal static partial class SystemCertificates
{
    private const string FileVariable = "SSL_CERT_FILE", DirectoryVariable = "SSL_CERT_DIR";

    /// <summary>Keeps this process from reading the store, for good; wherever it is. Does nothing once it was read.</summary>
    public static void LeaveOut()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // The runtime now has a copy of the environment, which is what child processes get: they look for their certificates themselves.
        _ = Environment.GetEnvironmentVariables();
        _ = SetEnvironmentVariable(FileVariable, "/dev/null", overwrite: 1);
        _ = SetEnvironmentVariable(DirectoryVariable, "/dev/null", overwrite: 1);
    }

    /// <summary>.NET's own method of this purpose changes only its copy of the environment, where OpenSSL does not look.</summary>
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironmentVariable(string name, string value, int overwrite);
}
