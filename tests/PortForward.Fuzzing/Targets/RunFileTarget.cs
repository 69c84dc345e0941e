using System.Net;
using PortForward.Cli.Files;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;
using PortForward.Fuzzing.Engine;

namespace PortForward.Fuzzing.Targets;

/// <summary>A file of forwards that was found: it names forwards on this machine, or is refused in sentences with their places.</summary>
internal sealed class RunFileTarget : FuzzTarget
{
    public override int Mutations => 1500;

    public override IReadOnlyList<byte[]> Dictionary { get; } = Words(
        "version: 1\n", "forwards:\n", "  db: ", "{ target: svc/db, ports: [\"5432\"] }\n", "target: ", "ports: ", "groups: [a]", "env:\n", "address: ", "context: ", "namespace: ", "0.0.0.0", "[::1]:80:80", ":5432", "22:22",
        "{{db.addr}}", "${HOME}", "${X:-y}", "$${", "LD_PRELOAD: x", "PF_X: y", "unix:/x:1", "unix:../x:1", "&a ", "*a", "<<: *a", "? ", ": ", "- ", "|\n", ">-\n", "'", "\"", "[", "]", "{", "}", "!!str ", "---\n", "...\n", "%YAML 1.1\n", "#", "\t", "\n\t", "@", "`", "\r\n", "\\x1b");

    public override Task RunAsync(FuzzInput input)
    {
        try
        {
            RunFile file = RunFileReader.Read(new FileText("pf.yaml", "/folder", input.Text, IsNamed: false), static name => name == "HOME" ? "/home" : null);
            foreach (RunFileForward forward in file.Forwards)
            {
                Require.That(ListenAddress.Parse(FileConflicts.AddressesOf(file, forward)).All(static listen => IPAddress.IsLoopback(listen.Address)), "it listens on this machine");
                Require.That(TargetReference.TryParse(forward.Target, out _, out _), "targets are targets");
                Require.That(forward.Ports.Count > 0 && forward.Ports.All(static port => PortSpec.TryParse(port.Text, out _, out _)), "ports are ports");
            }

            Require.That(!file.Variables.Any(static variable => GuardedVariables.Contains(variable.Name)), "no variable is guarded");
        }
        catch (FileException e)
        {
            Require.That(e.Lines.Count is > 0 and <= 51, "a bounded number of mistakes is told");
            Require.That(e.Lines.All(line => line.StartsWith("pf.yaml", StringComparison.Ordinal) && line.Length <= 1000 + input.Text.Length), "each is a sentence with its place", e.Message);
        }

        return Task.CompletedTask;
    }
}
