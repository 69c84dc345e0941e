using System.Reflection;
using Microsoft.Extensions.Logging;
using PortForward.Cli.Output;

namespace PortForward.Cli.Tests;

public sealed class UserMessagesTests
{
    [Fact]
    public void Each_message_has_a_number_of_its_own_for_those_who_read_JSON()
    {
        int[] ids = [.. typeof(UserMessages).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Select(method => method.GetCustomAttribute<LoggerMessageAttribute>()).OfType<LoggerMessageAttribute>().Select(message => message.EventId)];

        ids.Should().HaveCountGreaterThan(10).And.OnlyHaveUniqueItems();
    }
}
