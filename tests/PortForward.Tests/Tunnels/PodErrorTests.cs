using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

public sealed class PodErrorTests
{
    [Theory]
    [InlineData(nameof(PodErrorKind.ApplicationRefused), "error forwarding port 81 to pod 5e6f, uid : failed to execute portforward in network namespace \"/var/run/netns/cni-1\": failed to connect to localhost:81 inside namespace \"5e6f\", IPv4: dial tcp4 127.0.0.1:81: connect: connection refused IPv6 dial tcp6: address localhost: no suitable address found")]
    [InlineData(nameof(PodErrorKind.ApplicationRefused), "error forwarding port 81 to pod 5e6f, uid : exit status 1: 2024/01/01 12:00:00 socat[1] E connect(5, AF=2 127.0.0.1:81, 16): Connection refused")]
    [InlineData(nameof(PodErrorKind.ConnectionDied), "error forwarding port 80 to pod 5e6f, uid : read tcp4 127.0.0.1:1->127.0.0.1:80: read: connection reset by peer")]
    [InlineData(nameof(PodErrorKind.ConnectionDied), "error forwarding port 80 to pod 5e6f, uid : write tcp4 127.0.0.1:1->127.0.0.1:80: write: broken pipe")]
    [InlineData(nameof(PodErrorKind.SandboxGone), "error forwarding port 80 to pod 5e6f, uid : network namespace for sandbox \"5e6f\" is closed")]
    [InlineData(nameof(PodErrorKind.SandboxGone), "error forwarding port 80 to pod 5e6f, uid : failed to find sandbox \"5e6f\" in store: not found")]
    [InlineData(nameof(PodErrorKind.SandboxGone), "error forwarding port 80 to pod 5e6f, uid : sandbox container \"5e6f\" is not running")]
    [InlineData(nameof(PodErrorKind.SandboxGone), "error forwarding port 80 to pod 5e6f, uid : could not find sandbox 5e6f")]
    [InlineData(nameof(PodErrorKind.SandboxGone), "error forwarding port 80 to pod 5e6f, uid : PodSandbox with ID starting with 5e6f not found: ID does not exist")]
    [InlineData(nameof(PodErrorKind.SandboxGone), "error forwarding port 80 to pod 5e6f, uid : container not running (5e6f)")]
    [InlineData(nameof(PodErrorKind.SandboxGone), "error forwarding port 80 to pod 5e6f, uid : Error response from daemon: No such container: 5e6f")]
    [InlineData(nameof(PodErrorKind.SocatMissing), "error forwarding port 80 to pod 5e6f, uid : unable to do port forwarding: socat not found")]
    [InlineData(nameof(PodErrorKind.Unknown), "error forwarding port 80 to pod 5e6f, uid : something new")]
    [InlineData(nameof(PodErrorKind.Unknown), "sandbox 5e6f is running")]
    [InlineData(nameof(PodErrorKind.Unknown), "is not running: sandbox")]
    [InlineData(nameof(PodErrorKind.Unknown), "")]
    public void A_message_of_a_runtime_is_read_as_what_it_means(string kind, string message)
    {
        PodError.Classify(message).Should().Be(Enum.Parse<PodErrorKind>(kind));
    }
}
