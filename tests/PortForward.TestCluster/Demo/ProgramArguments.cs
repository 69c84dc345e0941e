using System.Globalization;

namespace PortForward.Testing.Demo;

/// <summary>What the program was started with.</summary>
internal sealed record ProgramArguments(string? Kubeconfig, int Port, Version Kubernetes, bool PlainHttp, bool PrintEnv, bool Help)
{
    /// <summary>Whether to run the demo: the cluster, pf, and a page to open.</summary>
    public bool Demo { get; init; }

    /// <summary>Whether the demo is to check itself and end, instead of waiting for its user.</summary>
    public bool Check { get; init; }

    /// <summary>The pf that the demo runs; null for the one built beside it.</summary>
    public string? Program { get; init; }

    public const string HelpText = """
        An embedded Kubernetes cluster, to try pf and kubectl port-forward against.

        Usage: dotnet run --project tests/PortForward.TestCluster -- [demo] [options]

        With "demo" it also runs pf, and says which page to open. Options of the demo:
          --pf PATH          The program to run (default: the one built from src)
          --check            Fetch the page, end everything, and say by the exit code whether all went well

        Options:
          --kubeconfig PATH  Where to write the kubeconfig (default: a file in the temporary folder)
          --port N           The API server's port on 127.0.0.1 (default: any free one)
          --kubernetes X.Y   The version to behave like, e.g. 1.29 (default: 1.36)
          --plain-http       HTTP instead of TLS
          --print-env        Print one line of JSON instead of prose: {"kubeconfig": ..., "server": ...}
          --help             This text
        """;

    /// <summary>Reads the command line.</summary>
    /// <exception cref="FormatException">It is wrong; the message says how.</exception>
    public static ProgramArguments Parse(string[] args)
    {
        var parsed = new ProgramArguments(null, 0, new Version(1, 36, 0), false, false, false);
        for (var i = 0; i < args.Length; i++)
        {
            var name = args[i];
            string Value() => ++i < args.Length ? args[i] : throw new FormatException($"{name} needs a value.");
            parsed = name switch
            {
                "demo" => parsed with { Demo = true },
                "--pf" => parsed with { Program = Value() },
                "--check" => parsed with { Check = true },
                "--kubeconfig" => parsed with { Kubeconfig = Value() },
                "--port" => parsed with { Port = ParsePort(Value()) },
                "--kubernetes" => parsed with { Kubernetes = ParseVersion(Value()) },
                "--plain-http" => parsed with { PlainHttp = true },
                "--print-env" => parsed with { PrintEnv = true },
                "--help" or "-h" => parsed with { Help = true },
                _ => throw new FormatException($"{name} is no option of this program; --help shows what there is."),
            };
        }

        return parsed;
    }

    private static int ParsePort(string text) =>
        ushort.TryParse(text, CultureInfo.InvariantCulture, out var port) ? port : throw new FormatException($"{text} is no port; it must be 0 to 65535.");

    private static Version ParseVersion(string text) =>
        Version.TryParse(text, out var version) ? version : throw new FormatException($"{text} is no version; write it like 1.29.");
}
