using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

public sealed class PodErrorTests
{
    [Theory]
    [InlineData(PodErrorKind.ApplicationRefused, "error forwarding port 81 to pod 5e6f, uid : failed to execute portforward in network namespace \"/var/run/netns/cni-1\": failed to connect to localhost:81 inside namespace \"5e6f\", IPv4: dial tcp4 127.0.0.1:81: connect: connection refused IPv6 dial tcp6: address localhost: no suitable address found")]
    [InlineData(PodErrorKind.ApplicationRefused, "error forwarding port 81 to pod 5e6f, uid : exit status 1: 2024/01/01 12:00:00 socat[1] E connect(5, AF=2 127.0.0.1:81, 16): Connection refused")]
    [InlineData(PodErrorKind.ConnectionDied, "error forwarding port 80 to pod 5e6f, uid : read tcp4 127.0.0.1:1->127.0.0.1:80: read: connection reset by peer")]
    [InlineData(PodErrorKind.ConnectionDied, "error forwarding port 80 to pod 5e6f, uid : write tcp4 127.0.0.1:1->127.0.0.1:80: write: broken pipe")]
    [InlineData(PodErrorKind.SandboxGone, "error forwarding port 80 to pod 5e6f, uid : network namespace for sandbox \"5e6f\" is closed")]
    [InlineData(PodErrorKind.SandboxGone, "error forwarding port 80 to pod 5e6f, uid : failed to find sandbox \"5e6f\" in store: not found")]
    [InlineData(PodErrorKind.SandboxGone, "error forwarding port 80 to pod 5e6f, uid : sandbox container \"5e6f\" is not running")]
    [InlineData(PodErrorKind.SandboxGone, "error forwarding port 80 to pod 5e6f, uid : could not find sandbox 5e6f")]
    [InlineData(PodErrorKind.SandboxGone, "error forwarding port 80 to pod 5e6f, uid : PodSandbox with ID starting with 5e6f not found: ID does not exist")]
    [InlineData(PodErrorKind.SandboxGone, "error forwarding port 80 to pod 5e6f, uid : container not running (5e6f)")]
    [InlineData(PodErrorKind.SandboxGone, "error forwarding port 80 to pod 5e6f, uid : Error response from daemon: No such container: 5e6f")]
    [InlineData(PodErrorKind.SocatMissing, "error forwarding port 80 to pod 5e6f, uid : unable to do port forwarding: socat not found")]
    [InlineData(PodErrorKind.Unknown, "error forwarding port 80 to pod 5e6f, uid : something new")]
    [InlineData(PodErrorKind.Unknown, "sandbox 5e6f is running")]
    [InlineData(PodErrorKind.Unknown, "is not running: sandbox")]
    [InlineData(PodErrorKind.Unknown, "")]
    public void A_message_of_a_runtime_is_read_as_what_it_means(PodErrorKind kind, string message)
    {
        PodError.Classify(message).Should().Be(kind);
    }
}
