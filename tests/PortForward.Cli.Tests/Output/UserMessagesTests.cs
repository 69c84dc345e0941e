using PortForward.Cli.Output;
using PortForward.Forwarding;

namespace PortForward.Cli.Tests.Output;

public sealed class UserMessagesTests
{
    [Theory]
    [InlineData(1, "ending: 1 open connection may go on for 5.0 s; a second signal ends it at once")]
    [InlineData(2, "ending: 2 open connections may go on for 5.0 s; a second signal ends them at once")]
    public void One_connection_is_told_in_the_singular(int connections, string told)
    {
        UserMessages.Draining(new Draining(connections, TimeSpan.FromSeconds(5))).Message.Should().Be(told);
    }
}
