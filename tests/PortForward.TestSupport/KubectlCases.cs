namespace PortForward.TestSupport;

/// <summary>Every binary, each alone or with both ways of carrying a tunnel.</summary>
internal static class KubectlCases
{
    public static TheoryData<string> Binaries => [.. KubectlBinaries.All];

    public static TheoryData<string, bool> Transports
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (string binary in KubectlBinaries.All)
            {
                data.Add(binary, true);
                data.Add(binary, false);
            }

            return data;
        }
    }
}
