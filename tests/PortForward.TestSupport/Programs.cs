namespace PortForward.TestSupport;

/// <summary>Programs of this machine that tests are run with.</summary>
internal static class Programs
{
    /// <summary>The path of a program; null where there is none.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="beside">Folders to search besides PATH.</param>
    public static string? Find(string name, params string[] beside) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Concat(beside)
        .Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
}
