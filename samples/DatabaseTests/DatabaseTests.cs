using System.Net.Sockets;
using Xunit;

/// <summary>Tests against a Redis in the cluster. They speak its protocol by hand, so that the sample needs no driver; a real one takes the same host and port.</summary>
public sealed class DatabaseTests(DatabaseFixture database) : IClassFixture<DatabaseFixture>
{
    [Fact]
    public async Task It_answers() => Assert.Equal("+PONG", await AskAsync("PING"));

    [Fact]
    public async Task What_was_set_is_there()
    {
        Assert.Equal("+OK", await AskAsync("SET sample:color green"));
        Assert.Equal("$5", await AskAsync("GET sample:color")); // The length of the value that follows.
    }

    private async Task<string?> AskAsync(string command)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(database.Forward.Host, database.Forward.Port);
        using var writer = new StreamWriter(client.GetStream()) { NewLine = "\r\n", AutoFlush = true };
        using var reader = new StreamReader(client.GetStream());
        await writer.WriteLineAsync(command);
        return await reader.ReadLineAsync();
    }
}
