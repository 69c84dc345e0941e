using System.CommandLine;
using PortForward.Cli.Commands;
using PortForward.Cluster.Targets;
using PortForward.Fuzzing.Engine;

namespace PortForward.Fuzzing.Targets;

/// <summary>The program's arguments, one a line: they are understood, or refused in a sentence.</summary>
internal sealed class CommandLineTarget : FuzzTarget
{
    public override int Mutations => 1000;

    public override IReadOnlyList<byte[]> Dictionary { get; } = Words(
        "\n", "--\n", "--address\n", "--address=", "127.0.0.1,::1,localhost", "-n\n", "-vn=x", "-v8", "--v=99999999999", "--no-reconnect=maybe", "--hold-timeout=1h", "--liveness-timeout=0", "=", "--=", "---x", "-", "-=",
        "pod/web", "svc/a/b", "deploy.v1.apps/web", "8080:80", ":http", "0:0", "99999:1", "1:2:3", "[suggest:3]", "@file", "/?", "-h", "--help", "--version", "--log-format=json", "--transport=channel,spdy", "9223372036854775807ns", "1e9h", "-1s", "٣:80", "é");

    public override Task RunAsync(FuzzInput input)
    {
        var flags = new ForwardFlags();
        try
        {
            ParseResult parsed = ForwardCommand.Parse(flags, input.Text.Split('\n'));
            _ = ForwardArguments.ReadLogFormat(flags, parsed);
            _ = ForwardArguments.ReadDiagnosticsLevel(flags, parsed);
            var arguments = ForwardArguments.Read(flags, parsed);
            Require.That(arguments.LivenessTimeout > TimeSpan.Zero && arguments.Options.PodRunningTimeout > TimeSpan.Zero, "time-outs are positive");
            Require.That(arguments.Targets.SelectMany(target => target.Ports).All(port => PortSpec.Parse(port).RemotePort is null or (> 0 and <= ushort.MaxValue)), "ports are ports");
            Require.That(arguments.Options.Addresses.Count > 0 && arguments.Transports.Count > 0, "there are an address and a transport");
        }
        catch (UsageException e)
        {
            // What was written may be repeated; what it does to a terminal is for whoever writes the line to see to.
            Require.That(e.Message.Length <= 1000 + input.Text.Length, "a message is of bounded length", e.Message);
        }

        return Task.CompletedTask;
    }
}
