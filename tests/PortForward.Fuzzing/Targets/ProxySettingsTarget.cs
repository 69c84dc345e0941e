using PortForward.Cluster;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Transport;
using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Support;

namespace PortForward.Fuzzing.Targets;

/// <summary>Addresses of server and proxy as people write them: a line each for the server, HTTPS_PROXY, HTTP_PROXY, NO_PROXY. Passwords are not repeated.</summary>
internal sealed class ProxySettingsTarget : FuzzTarget
{
    private const string Password = "pr0xy-s3cr3t";

    public override int Mutations => 5000;

    public override IReadOnlyList<byte[]> Dictionary { get; } = Words(
        "http://", "https://", "socks5://", "socks5h://", "user:pass@", "@", ":", "[::1]", "[fe80::1%25eth0]", "127.0.0.1", "localhost", ":99999", "%", "%zz", "%40", "?", "#", "\\", "10.0.0.0/8", "::/0", "/33", "*.", "*", ",", "\n", "bücher.example", "xn--", "。");

    public override Task RunAsync(FuzzInput input)
    {
        string[] lines = input.Text.Split('\n');
        LocalEnvironment environment = ScratchFolder.Environment(("HTTPS_PROXY", Line(1)), ("HTTP_PROXY", Line(2)), ("NO_PROXY", Line(3)));
        try
        {
            var server = ServerAddress.Parse(Line(0));
            Require.That(server.Uri.UserInfo.Length == 0, "a base address has no user");
            ProxyAddress? proxy = ProxyEnvironment.Find(server.Uri, environment);
            if (proxy is not null)
            {
                Require.That(proxy.EndPoint.Port is >= 0 and <= ushort.MaxValue, "a proxy has a port", $"{proxy.EndPoint.Port}");
                Require.That(proxy.User is null || !proxy.ToString().Contains('@'), "a proxy's text form has no user", $"{proxy}");
            }
        }
        catch (ClusterException e)
        {
            Require.Message(e.Message, Require.UsualLength + input.Text.Length);
            if (input.Text.Contains($":{Password}@", StringComparison.Ordinal))
            {
                Require.Hidden(Password, e.ToString());
            }
        }

        return Task.CompletedTask;

        string Line(int index) => index < lines.Length ? lines[index] : "";
    }
}
