using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using PortForward.Cluster.Api;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Tests.Api;

/// <summary>An API server made of scripted answers: each path has a queue of them, of which the last one stays.</summary>
internal sealed class FakeApiServer : HttpMessageHandler
{
    private readonly ConcurrentDictionary<string, ConcurrentQueue<Func<CancellationToken, Task<HttpResponseMessage>>>> _answers = new(StringComparer.Ordinal);
    private readonly Channel<string> _arrivals = Channel.CreateUnbounded<string>();

    /// <summary>What was asked for, path and query, in order.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    public ApiClient Client(TimeProvider? time = null, TimeSpan requestTimeout = default, string server = "https://cluster.test/") =>
        new(new HttpMessageInvoker(this), new Uri(server), time) { RequestTimeout = requestTimeout };

    public FakeApiServer Answer(string path, object body) => Answer(path, HttpStatusCode.OK, Text(body));

    /// <summary>An object as the server sends it.</summary>
    public static string Text(object body) => JsonSerializer.Serialize(body, body.GetType(), ObjectJson.Default);

    public FakeApiServer Answer(string path, HttpStatusCode code, string body, string type = "application/json", int? retryAfter = null) =>
        On(path, _ =>
        {
            var response = new HttpResponseMessage(code) { Content = new StringContent(body, Encoding.UTF8, type) };
            if (retryAfter is not null)
            {
                response.Headers.TryAddWithoutValidation("Retry-After", $"{retryAfter}");
            }

            return Task.FromResult(response);
        });

    /// <summary>A refusal as the API server writes it.</summary>
    public FakeApiServer Refuse(string path, HttpStatusCode code, string reason, string message) =>
        Answer(path, code, $$"""{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{{message.Replace("\"", "\\\"", StringComparison.Ordinal)}}","reason":"{{reason}}","code":{{(int)code}}}""");

    /// <summary>The refusal of an object that does not exist, which names it.</summary>
    public FakeApiServer Miss(string path, string resource, string name, string group = "") =>
        Answer(path, HttpStatusCode.NotFound, $$$"""{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{{{resource}}} \"{{{name}}}\" not found","reason":"NotFound","details":{"name":"{{{name}}}","group":"{{{group}}}","kind":"{{{resource}}}"},"code":404}""");

    public FakeApiServer Fail(string path, Exception exception) => On(path, _ => Task.FromException<HttpResponseMessage>(exception));

    /// <summary>A request that is never answered.</summary>
    public FakeApiServer Hang(string path) => On(path, async cancelled =>
    {
        await Task.Delay(Timeout.Infinite, cancelled);
        throw new InvalidOperationException();
    });

    /// <summary>A watch whose events the test sends.</summary>
    public FakeWatch Watch(string path) => Stream(path, HttpStatusCode.OK);

    /// <summary>An answer whose body the test sends.</summary>
    public FakeWatch Stream(string path, HttpStatusCode code)
    {
        var body = new FakeWatch();
        On(path, _ => Task.FromResult(new HttpResponseMessage(code) { Content = new StreamContent(body) }));
        return body;
    }

    /// <summary>The next request that has not been waited for yet.</summary>
    public async Task<string> NextRequestAsync() => await _arrivals.Reader.ReadAsync().Soon();

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Method.Should().Be(HttpMethod.Get);
        request.Version.Should().Be(HttpVersion.Version11, "look-ups and upgrades share a connection");
        string asked = Uri.UnescapeDataString(request.RequestUri!.PathAndQuery);
        string path = request.RequestUri.AbsolutePath + (asked.Contains("watch=true", StringComparison.Ordinal) ? "?watch" : "");
        Requests.Enqueue(asked);
        _arrivals.Writer.TryWrite(asked);
        if (!_answers.TryGetValue(path, out ConcurrentQueue<Func<CancellationToken, Task<HttpResponseMessage>>>? queue))
        {
            throw new InvalidOperationException($"the test has no answer for {path}");
        }

        while (true)
        {
            if (!queue.TryPeek(out Func<CancellationToken, Task<HttpResponseMessage>>? answer))
            {
                throw new InvalidOperationException($"the test has no answer left for {path}");
            }

            if (queue.Count > 1 && !queue.TryDequeue(out answer))
            {
                continue;
            }

            return await answer(cancellationToken);
        }
    }

    private FakeApiServer On(string path, Func<CancellationToken, Task<HttpResponseMessage>> answer)
    {
        _answers.GetOrAdd(path, _ => []).Enqueue(answer);
        return this;
    }
}

/// <summary>The body of a watch: what the test sends arrives, until the test ends it or breaks it off.</summary>
internal sealed class FakeWatch : Stream
{
    private readonly Channel<byte[]> _chunks = Channel.CreateUnbounded<byte[]>();
    private byte[] _rest = [];

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public FakeWatch Send(string type, object subject) => SendText($$"""{"type":"{{type}}","object":{{FakeApiServer.Text(subject)}}}""" + "\n");

    public FakeWatch SendText(string text)
    {
        _chunks.Writer.TryWrite(Encoding.UTF8.GetBytes(text)).Should().BeTrue();
        return this;
    }

    public void End() => _chunks.Writer.TryComplete();

    public void BreakOff() => _chunks.Writer.TryComplete(new IOException("connection reset"));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_rest.Length == 0)
        {
            if (!await _chunks.Reader.WaitToReadAsync(cancellationToken))
            {
                return 0;
            }

            _chunks.Reader.TryRead(out byte[]? chunk).Should().BeTrue();
            _rest = chunk!;
        }

        int count = Math.Min(buffer.Length, _rest.Length);
        _rest.AsMemory(0, count).CopyTo(buffer);
        _rest = _rest[count..];
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
