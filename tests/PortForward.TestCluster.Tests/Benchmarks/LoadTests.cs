using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using PortForward.Benchmarks.Load;

namespace PortForward.Testing.Tests.Benchmarks;

/// <summary>The load that is measured with: it takes no wrong answer for a right one.</summary>
public sealed class LoadTests : IAsyncDisposable
{
    private readonly ConcurrentQueue<string> _requests = new();
    private readonly LoopbackListener _application;
    private string _answer = "";

    public LoadTests() => _application = new LoopbackListener(AnswerAsync);

    public async ValueTask DisposeAsync() => await _application.DisposeAsync();

    [Fact]
    public async Task Each_client_makes_its_requests_on_connections_of_their_own()
    {
        _answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

        await HttpRequests.MakeManyAsync(_application.Port, clients: 3, requests: 4).Soon();

        _requests.Should().HaveCount(12).And.OnlyContain(request => request.StartsWith("GET / HTTP/1.1\r\n", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay")]
    [InlineData("HTTP/1.1 500 OK\r\nContent-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nok")]
    public async Task A_wrong_answer_to_an_HTTP_request_fails(string answer)
    {
        _answer = answer;

        var request = () => HttpRequests.MakeManyAsync(_application.Port, clients: 1, requests: 1).Soon();

        await request.Should().ThrowAsync<ForwardFailedException>();
    }

    [Fact]
    public async Task A_download_is_as_long_as_it_should_be()
    {
        _answer = "123456";

        await Transfers.DownloadAsync(_application.Port, size: 6, readSize: 4).Soon();

        _requests.Should().Equal("6\n");
    }

    [Theory]
    [InlineData("12345")]
    [InlineData("1234567")]
    public async Task A_download_of_another_length_fails(string answer)
    {
        _answer = answer;

        var download = () => Transfers.DownloadAsync(_application.Port, size: 6).Soon();

        await download.Should().ThrowAsync<ForwardFailedException>();
    }

    private async Task AnswerAsync(Socket client, CancellationToken ended)
    {
        var request = new byte[1024];
        var length = await client.ReceiveAsync(request, ended);
        _requests.Enqueue(Encoding.ASCII.GetString(request, 0, length));
        await client.SendAsync(Encoding.ASCII.GetBytes(_answer), ended);
        client.Shutdown(SocketShutdown.Send);
    }
}
