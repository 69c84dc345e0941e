using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

public sealed class UpgradeRequestTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2024, 5, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly HttpRequestMessage _request = new(HttpMethod.Get, "https://api.example:6443/portforward");

    public UpgradeRequestTests() => UpgradeRequest.Prepare(_request, "websocket");

    [Fact]
    public void An_upgrade_is_exactly_HTTP_1_1()
    {
        _request.Version.Should().Be(HttpVersion.Version11);
        _request.VersionPolicy.Should().Be(HttpVersionPolicy.RequestVersionExact);
        _request.Headers.ToString().Should().Be("Connection: Upgrade" + Environment.NewLine + "Upgrade: websocket" + Environment.NewLine);
    }

    [Fact]
    public async Task Behind_a_101_that_is_as_it_should_be_is_a_duplex_stream()
    {
        await using DuplexStream transport = DuplexStream.CreatePair().Client;

        Attempt<Stream> result = await SendAsync(_ => Switching(transport));

        result.Fault.Should().BeNull();
        result.Value.Should().BeSameAs(transport);
        transport.IsDisposed.Should().BeFalse();
    }

    [Fact]
    public async Task A_101_that_is_not_as_it_should_be_is_closed_and_says_what_is_wrong()
    {
        await using DuplexStream transport = DuplexStream.CreatePair().Client;

        Attempt<Stream> result = await SendAsync(_ => Switching(transport), _ => "something is wrong");

        result.Value.Should().BeNull();
        result.Fault.Should().BeEquivalentTo(new TunnelFault(TunnelFaultKind.BadUpgrade, "something is wrong"));
        transport.IsDisposed.Should().BeTrue();
    }

    [Fact]
    public async Task A_refusal_is_a_value_with_status_reason_and_body()
    {
        Attempt<Stream> result = await SendAsync(_ => new HttpResponseMessage(HttpStatusCode.Forbidden)
        {
            ReasonPhrase = "Forbidden",
            Content = new StringContent("{\"kind\":\"Status\",\"message\":\"größer\"}"),
        });

        result.Value.Should().BeNull();
        result.Fault.Should().BeEquivalentTo(new TunnelFault(TunnelFaultKind.Refused, "the server answered the upgrade with 403 Forbidden")
        {
            StatusCode = HttpStatusCode.Forbidden,
            ReasonPhrase = "Forbidden",
            Body = "{\"kind\":\"Status\",\"message\":\"größer\"}",
        });
    }

    [Fact]
    public async Task Even_200_is_a_refusal_when_an_upgrade_was_asked_for()
    {
        Attempt<Stream> result = await SendAsync(_ => new HttpResponseMessage(HttpStatusCode.OK));

        result.Fault!.Kind.Should().Be(TunnelFaultKind.Refused);
        result.Fault.StatusCode.Should().Be(HttpStatusCode.OK);
        result.Fault.Body.Should().BeEmpty();
    }

    [Theory]
    [InlineData("\u001b]0;owned\u0007\u202e")]
    [InlineData("a\tb")]
    public async Task What_others_write_cannot_rewrite_a_terminal(string phrase)
    {
        Attempt<Stream> result = await SendAsync(_ => new HttpResponseMessage(HttpStatusCode.Forbidden) { ReasonPhrase = phrase });

        result.Fault!.Message.Should().NotContainAny("\u001b", "\u0007", "\u202e", "\t").And.StartWith("the server answered the upgrade with 403 ");
    }

    [Theory]
    [InlineData(HttpRequestError.ResponseEnded)]
    [InlineData(HttpRequestError.Unknown)]
    public async Task A_connection_that_is_cut_instead_of_an_answer_is_a_failed_upgrade_that_has_a_cause(HttpRequestError error)
    {
        Attempt<Stream> result = await SendAsync(_ => throw new HttpRequestException(error, "failed", new IOException("reset")));

        (result.Fault!.Kind, result.Fault.Message).Should().Be((TunnelFaultKind.BadUpgrade, "the connection was cut before the upgrade was answered (reset)"));
        result.Fault.Cause.Should().NotBeNull();
    }

    [Fact]
    public async Task A_long_body_is_cut()
    {
        Attempt<Stream> result = await SendAsync(_ => new HttpResponseMessage(HttpStatusCode.BadGateway) { Content = new StringContent(new string('x', 1_000_000)) });

        result.Fault!.Body.Should().HaveLength(64 * 1024);
    }

    [Fact]
    public async Task A_refusal_whose_body_breaks_off_is_still_a_refusal()
    {
        (DuplexStream body, DuplexStream server) = DuplexStream.CreatePair();
        Task<Attempt<Stream>> sending = SendAsync(_ => new HttpResponseMessage(HttpStatusCode.Forbidden) { Content = new StreamBody(body) });
        await server.WriteAsync(Encoding.UTF8.GetBytes("no ri"));
        await Waiting.UntilAsync(() => body.BytesRead == 5);

        server.Break(new IOException("connection reset by peer"));

        TunnelFault fault = (await sending.Soon()).Fault!;
        (fault.Kind, fault.StatusCode, fault.Body).Should().Be((TunnelFaultKind.Refused, HttpStatusCode.Forbidden, "no ri"));
    }

    [Fact]
    public async Task A_refusal_whose_body_does_not_end_is_still_a_refusal()
    {
        (DuplexStream body, DuplexStream server) = DuplexStream.CreatePair();
        Task<Attempt<Stream>> sending = SendAsync(_ => new HttpResponseMessage(HttpStatusCode.BadGateway) { Content = new StreamBody(body) });
        await server.WriteAsync(Encoding.UTF8.GetBytes("<html>"));
        await Waiting.UntilAsync(() => body.BytesRead == 6);

        _time.Advance(TimeSpan.FromSeconds(30));

        TunnelFault fault = (await sending.Soon()).Fault!;
        (fault.Kind, fault.StatusCode, fault.Body).Should().Be((TunnelFaultKind.Refused, HttpStatusCode.BadGateway, "<html>"));
    }

    [Fact]
    public async Task The_caller_can_cancel_while_a_refusal_is_read()
    {
        (DuplexStream body, DuplexStream server) = DuplexStream.CreatePair();
        await using DuplexStream stalled = server;
        using var cancel = new CancellationTokenSource();
        Task<Attempt<Stream>> sending = SendAsync(_ => new HttpResponseMessage(HttpStatusCode.BadGateway) { Content = new StreamBody(body) },
            cancellationToken: cancel.Token);

        await cancel.CancelAsync();

        await sending.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
    }

    [Theory]
    [InlineData("30", 30.0)]
    [InlineData("0", 0.0)]
    [InlineData("Wed, 01 May 2024 12:00:45 GMT", 45.0)]
    [InlineData("Wed, 01 May 2024 11:00:00 GMT", 0.0)]
    [InlineData("Fri, 31 Dec 9999 23:59:59 GMT", 120.0)]
    [InlineData("2147483647", 120.0)]
    [InlineData("99999999999999999999", null)]
    [InlineData("-5", null)]
    [InlineData("soon", null)]
    [InlineData(null, null)]
    public async Task Retry_After_is_read_in_both_of_its_forms(string? header, double? seconds)
    {
        Attempt<Stream> result = await SendAsync(_ =>
        {
            var response = new HttpResponseMessage(HttpStatusCode.TooManyRequests);
            if (header is not null)
            {
                response.Headers.TryAddWithoutValidation("Retry-After", header);
            }

            return response;
        });

        result.Fault!.RetryAfter.Should().Be(seconds is { } value ? TimeSpan.FromSeconds(value) : null);
    }

    [Fact]
    public async Task A_server_that_cannot_be_reached_is_a_value_with_the_innermost_reason()
    {
        var cause = new HttpRequestException("The SSL connection could not be established", new AuthenticationException("outer", new SocketException((int)SocketError.ConnectionRefused)));

        Attempt<Stream> result = await SendAsync(_ => throw cause);

        result.Fault!.Kind.Should().Be(TunnelFaultKind.Unreachable);
        result.Fault.Message.Should().Be(new SocketException((int)SocketError.ConnectionRefused).Message);
        result.Fault.Cause.Should().BeSameAs(cause);
    }

    [Fact]
    public async Task A_connection_that_breaks_before_the_answer_is_a_value()
    {
        Attempt<Stream> result = await SendAsync(_ => throw new IOException("the connection was closed"));

        result.Fault!.Kind.Should().Be(TunnelFaultKind.Unreachable);
        result.Fault.Message.Should().Be("the connection was closed");
    }

    [Fact]
    public async Task No_answer_in_time_is_a_value()
    {
        Task<Attempt<Stream>> sending = SendAsync(Forever);
        _time.Advance(TimeSpan.FromSeconds(29.9));
        sending.IsCompleted.Should().BeFalse();

        _time.Advance(TimeSpan.FromSeconds(0.1));

        TunnelFault fault = (await sending.Soon()).Fault!;
        fault.Kind.Should().Be(TunnelFaultKind.TimedOut);
        fault.Message.Should().Be("the server at api.example:6443 did not answer the upgrade within 30 s");
    }

    [Fact]
    public async Task A_limit_of_the_transport_itself_is_a_timeout_too()
    {
        Attempt<Stream> result = await SendAsync(_ => throw new TaskCanceledException("cancelled", new TimeoutException("A connection could not be established within the configured ConnectTimeout.")));

        result.Fault!.Kind.Should().Be(TunnelFaultKind.TimedOut);
        result.Fault.Message.Should().Contain("ConnectTimeout");
    }

    [Fact]
    public async Task Without_limit_an_answer_may_take_for_ever()
    {
        using var cancel = new CancellationTokenSource();
        Task<Attempt<Stream>> sending = SendAsync(Forever, limit: Timeout.InfiniteTimeSpan, cancellationToken: cancel.Token);
        _time.Advance(TimeSpan.FromDays(10));
        sending.IsCompleted.Should().BeFalse();

        await cancel.CancelAsync();

        await sending.Invoking(task => task.Soon()).Should().ThrowAsync<OperationCanceledException>();
    }

    public void Dispose() => _request.Dispose();

    private static HttpResponseMessage Switching(Stream transport) => new(HttpStatusCode.SwitchingProtocols) { Content = new StreamBody(transport) };

    private static async Task<HttpResponseMessage> Forever(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.Infinite, cancellationToken);
        throw new InvalidOperationException("This is never reached.");
    }

    private Task<Attempt<Stream>> SendAsync(
        Func<HttpRequestMessage, HttpResponseMessage> answer, Func<HttpResponseMessage, string?>? check = null, CancellationToken cancellationToken = default) =>
        SendAsync((request, _) => Task.FromResult(answer(request)), check, cancellationToken: cancellationToken);

    private async Task<Attempt<Stream>> SendAsync(
        Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> answer,
        Func<HttpResponseMessage, string?>? check = null,
        TimeSpan? limit = null,
        CancellationToken cancellationToken = default)
    {
        using var invoker = new HttpMessageInvoker(new FakeHandler(answer));
        var options = new TunnelDialOptions { Time = _time };
        return await UpgradeRequest.SendAsync(
            invoker, _request, check ?? (static _ => null), limit is { } value ? options with { AnswerTimeout = value } : options, cancellationToken);
    }
}
