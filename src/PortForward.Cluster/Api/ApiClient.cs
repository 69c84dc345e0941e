using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Cluster.Objects;

namespace PortForward.Cluster.Api;

/// <summary>
/// Reads objects from the API server: one look-up is one GET, without discovery. Every failure is a <see cref="ClusterException"/> in kubectl's words.
/// </summary>
internal sealed partial class ApiClient
{
    /// <summary>How often a request is sent again after a 429 or 5xx answer that carries Retry-After; kubectl allows as many.</summary>
    private const int MaxRetries = 10;

    /// <summary>kubectl's page size for lists.</summary>
    private const int PageSize = 500;

    /// <summary>The most bytes of one object or event: etcd takes objects of 1.5 MB, and JSON makes them larger, but not by this much.</summary>
    private const int MaxObjectLength = 16 * 1024 * 1024;

    /// <summary>The most bytes of a page of <see cref="PageSize"/> objects, which have some 10 KB each, managed fields included.</summary>
    private const int MaxPageLength = 64 * 1024 * 1024;

    private const int MaxErrorBodyLength = 64 * 1024;

    /// <summary>How long the body of a refusal may take; its status is known already.</summary>
    private static readonly TimeSpan ErrorBodyTimeout = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan MaxRetryAfter = TimeSpan.FromSeconds(30);

    private readonly HttpMessageInvoker _http;
    private readonly Uri _server;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    /// <summary>A client of one server.</summary>
    /// <param name="http">Sends requests with the user's credentials. It stays the caller's to dispose.</param>
    /// <param name="server">The server's base address, ending in '/'; it may carry a path prefix.</param>
    /// <param name="time">The clock for time-outs and waits; the system's when null.</param>
    /// <param name="logger">Where retries are told; nowhere when null.</param>
    public ApiClient(HttpMessageInvoker http, Uri server, TimeProvider? time = null, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(http);
        ArgumentNullException.ThrowIfNull(server);
        _http = http;
        _server = server;
        _time = time ?? TimeProvider.System;
        _logger = logger ?? NullLogger.Instance;
    }

    /// <summary>
    /// How long one look-up may take, retries included (<c>--request-timeout</c>). Zero, the default, sets no limit. A watch is not a look-up.
    /// </summary>
    public TimeSpan RequestTimeout { get; init; }

    /// <summary>How many look-ups may be under way at a time; those beyond wait for their turn. No limit if null.</summary>
    internal LookUpGate? LookUps { get; init; }

    /// <summary>The same client, whose look-ups take no longer than a limit, nor than their own one.</summary>
    /// <param name="limit">The limit; greater than zero.</param>
    public ApiClient WithTimeout(TimeSpan limit) =>
        new(_http, _server, _time, _logger) { RequestTimeout = RequestTimeout > TimeSpan.Zero && RequestTimeout < limit ? RequestTimeout : limit, LookUps = LookUps };

    /// <summary>
    /// Reads a small object, so that the code for it is ready when the first answer comes. A program can call it on another thread while it connects.
    /// </summary>
    public static void WarmUp() =>
        _ = JsonSerializer.Deserialize(
        """{"metadata":{"name":"x","creationTimestamp":"2000-01-01T00:00:00Z","labels":{"x":"x"}},"spec":{"containers":[{"name":"x","ports":[{"containerPort":1}],"resources":{"limits":{"cpu":"1"}}}]},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[{"name":"x","ready":true,"restartCount":0,"state":{"running":{"startedAt":"2000-01-01T00:00:00Z"}}}]}}""",
        ObjectJson.Default.Pod);

    /// <summary>Reads one object.</summary>
    /// <param name="resource">The object's resource.</param>
    /// <param name="namespace">The object's namespace.</param>
    /// <param name="name">The object's name.</param>
    /// <param name="cancellationToken">Ends the look-up.</param>
    /// <exception cref="ClusterException">The server refused (its status code says how), did not answer, or answered with something else.</exception>
    public async Task<T> GetAsync<T>(ApiResource<T> resource, string @namespace, string name, CancellationToken cancellationToken)
        where T : class, IApiObject
    {
        ArgumentNullException.ThrowIfNull(resource);
        T read = await LookUpAsync(
            $"{resource.CollectionPath(@namespace)}/{Uri.EscapeDataString(name)}",
            $"get {resource} {name}",
            new ApiSubject(resource.Group, resource.Plural, name),
            MaxObjectLength,
            resource.Read,
            cancellationToken).ConfigureAwait(false);
        return string.IsNullOrEmpty(read.Metadata?.Name) ? throw NotTheApi("an object without a name") : read;
    }

    /// <summary>Asks, when an object was not found, whether it is the whole namespace that does not exist.</summary>
    /// <param name="namespace">The namespace.</param>
    /// <param name="cancellationToken">Ends the look-up.</param>
    /// <returns>The server's error that there is no such namespace; null when there is one, or when the server does not tell.</returns>
    public async Task<ClusterException?> FindMissingNamespaceAsync(string @namespace, CancellationToken cancellationToken)
    {
        try
        {
            await LookUpAsync(
                $"api/v1/namespaces/{Uri.EscapeDataString(@namespace)}",
                $"get namespaces {@namespace}",
                new ApiSubject("", "namespaces", @namespace),
                MaxObjectLength,
                static found => found,
                cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (ClusterException refused)
        {
            return refused.IsObjectMissing ? refused : null;
        }
    }

    /// <summary>Reads all objects that match, page by page.</summary>
    /// <param name="resource">The objects' resource.</param>
    /// <param name="namespace">The objects' namespace.</param>
    /// <param name="selection">Which objects.</param>
    /// <param name="cancellationToken">Ends the look-up.</param>
    /// <exception cref="ClusterException">As for <see cref="GetAsync"/>.</exception>
    public async Task<ApiList<T>> ListAsync<T>(ApiResource<T> resource, string @namespace, ApiSelection selection, CancellationToken cancellationToken)
        where T : class, IApiObject
    {
        ArgumentNullException.ThrowIfNull(resource);
        ArgumentNullException.ThrowIfNull(selection);
        string collection = resource.CollectionPath(@namespace);
        var bounds = new ListBounds(PageSize);
        ApiList<T> page = await PageAsync($"{collection}?{selection.Query}limit={PageSize}", MaxPageLength).ConfigureAwait(false);
        if (string.IsNullOrEmpty(page.Continue))
        {
            return page with { Continue = null };
        }

        List<T> items = [.. page.Items];
        while (page.Continue is { Length: > 0 } asked)
        {
            if (bounds.WhyNoMore(page.Items.Count, asked) is { } endless)
            {
                throw NotTheApi(endless);
            }

            try
            {
                page = await PageAsync($"{collection}?{selection.Query}limit={PageSize}&continue={Uri.EscapeDataString(asked)}", MaxPageLength).ConfigureAwait(false);
            }
            catch (ClusterException expired) when (expired.StatusCode == HttpStatusCode.Gone)
            {
                // The server no longer keeps the version of these pages. A list in one page cannot expire.
                return await PageAsync($"{collection}?{selection.Query.TrimEnd('&')}", ListBounds.MaxLength).ConfigureAwait(false) with { Continue = null };
            }

            items.AddRange(page.Items);
        }

        return new ApiList<T>(items, page.ResourceVersion, null);

        Task<ApiList<T>> PageAsync(string path, int maxLength) => LookUpAsync(path, $"list {resource}", subject: null, maxLength, ReadPage, cancellationToken);

        ApiList<T>? ReadPage(Stream body)
        {
            bounds.Add(body.Length);
            return resource.ReadList(body);
        }
    }

    /// <summary>Reads the objects that match, but not more than one page of 500: <see cref="ApiList{T}.Continue"/> says whether there are more.</summary>
    /// <param name="resource">The objects' resource.</param>
    /// <param name="namespace">The objects' namespace.</param>
    /// <param name="selection">Which objects.</param>
    /// <param name="cancellationToken">Ends the look-up.</param>
    /// <exception cref="ClusterException">As for <see cref="GetAsync"/>.</exception>
    internal async Task<ApiList<T>> ListPageAsync<T>(ApiResource<T> resource, string @namespace, ApiSelection selection, CancellationToken cancellationToken)
        where T : class, IApiObject
    {
        string path = $"{resource.CollectionPath(@namespace)}?{selection.Query}limit={PageSize}";
        ApiList<T> page = await LookUpAsync(path, $"list {resource}", subject: null, MaxPageLength, resource.ReadList, cancellationToken).ConfigureAwait(false);
        return string.IsNullOrEmpty(page.Continue) ? page with { Continue = null } : page;
    }

    /// <summary>
    /// Reads changes as they happen, until the server ends the stream, which is no fault: it does so every few minutes. Begin again at the last
    /// event's version.
    /// </summary>
    /// <param name="resource">The objects' resource.</param>
    /// <param name="namespace">The objects' namespace.</param>
    /// <param name="selection">Which objects.</param>
    /// <param name="resourceVersion">The moment after which changes are told, from a list or from an earlier event.</param>
    /// <param name="silenceLimit">
    /// After this long without a byte the stream counts as lost, and ends. Servers send a bookmark about once a minute.
    /// </param>
    /// <param name="cancellationToken">Ends the watch.</param>
    /// <exception cref="ClusterException">
    /// The server refused, could not be reached, or broke the stream off; <see cref="HttpStatusCode.Gone"/>: the version is too old, list again.
    /// </exception>
    public async IAsyncEnumerable<ApiEvent<T>> WatchAsync<T>(
        ApiResource<T> resource,
        string @namespace,
        ApiSelection selection,
        string? resourceVersion,
        TimeSpan silenceLimit,
        [EnumeratorCancellation] CancellationToken cancellationToken)
        where T : class, IApiObject
    {
        ArgumentNullException.ThrowIfNull(resource);
        ArgumentNullException.ThrowIfNull(selection);
        using var silence = new CancellationTokenSource(silenceLimit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);

        string path = $"{resource.CollectionPath(@namespace)}?{selection.Query}watch=true&allowWatchBookmarks=true";
        if (!string.IsNullOrEmpty(resourceVersion))
        {
            path += $"&resourceVersion={Uri.EscapeDataString(resourceVersion)}";
        }

        string request = $"watch {resource}";

        using HttpResponseMessage? response = await UntilSilentAsync(() => SendAsync(path, either.Token)).ConfigureAwait(false);
        if (response is null)
        {
            yield break;
        }

        if (!response.IsSuccessStatusCode)
        {
            throw (await ReadStatusAsync(response, request, either.Token, cancellationToken).ConfigureAwait(false)).ToException();
        }

        using Stream body = await response.Content.ReadAsStreamAsync(either.Token).ConfigureAwait(false);
        using var lines = new LineReader(body, MaxObjectLength);
        while (await UntilSilentAsync(() => lines.ReadLineAsync(either.Token).AsTask()).ConfigureAwait(false) is { } line)
        {
            silence.CancelAfter(silenceLimit);
            if (line.Span.Trim(" \t\r"u8).IsEmpty)
            {
                continue;
            }

            yield return ReadEvent(resource, line);
        }

        async Task<TResult?> UntilSilentAsync<TResult>(Func<Task<TResult>> step)
        {
            try
            {
                return await step().ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (silence.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                LogWatchSilent(request, silenceLimit);
                return default;
            }
            catch (Exception broken) when (broken is IOException or HttpRequestException or InvalidDataException)
            {
                throw new ClusterException($"the server broke off the watch ({request}): {UntrustedText.OneLine(broken.Message)}", broken);
            }
        }
    }

    private ApiEvent<T> ReadEvent<T>(ApiResource<T> resource, ReadOnlyMemory<byte> line)
        where T : class, IApiObject
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement json = document.RootElement;
            JsonElement subject = json.GetProperty("object");
            ApiEventType type = JsonFields.Text(json, "type") switch
            {
                "ADDED" => ApiEventType.Added,
                "MODIFIED" => ApiEventType.Modified,
                "DELETED" => ApiEventType.Deleted,
                "BOOKMARK" => ApiEventType.Bookmark,
                "ERROR" => throw (ApiStatus.FromJson(subject, HttpStatusCode.InternalServerError)
                    ?? ApiStatus.Read(HttpStatusCode.InternalServerError, null, subject.ToString())).ToException(),
                _ => throw NotTheApi("a watch event of an unknown type"),
            };
            return new ApiEvent<T>(type, resource.Read(subject) ?? throw NotTheApi("a watch event without an object"));
        }
        catch (Exception malformed) when (malformed is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw NotTheApi("a watch event that is no event", malformed);
        }
    }

    /// <summary>One answered GET, when its turn has come.</summary>
    private async Task<TResult> LookUpAsync<TResult>(
        string path, string request, ApiSubject? subject, int maxLength, Func<Stream, TResult?> read, CancellationToken cancellationToken)
    {
        if (LookUps is null)
        {
            return await LookUpNowAsync(path, request, subject, maxLength, read, cancellationToken).ConfigureAwait(false);
        }

        using IDisposable place = await LookUps.EnterAsync(cancellationToken).ConfigureAwait(false);
        return await LookUpNowAsync(path, request, subject, maxLength, read, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One answered GET: within the time-out, sent again when the server asks for that.</summary>
    private async Task<TResult> LookUpNowAsync<TResult>(
        string path, string request, ApiSubject? subject, int maxLength, Func<Stream, TResult?> read, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(RequestTimeout > TimeSpan.Zero ? RequestTimeout : Timeout.InfiniteTimeSpan, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        ApiStatus? refusal = null;
        try
        {
            for (int retries = 0; ; retries++)
            {
                using HttpResponseMessage response = await SendAsync(path, either.Token).ConfigureAwait(false);
                if (response.IsSuccessStatusCode)
                {
                    using var body = new MemoryStream();
                    await ReadBodyAsync(response, body, maxLength, either.Token).ConfigureAwait(false);
                    return body.Length < maxLength ? Parse(body, response, read) : throw NotTheApi($"more than {maxLength >> 20} MB");
                }

                refusal = await ReadStatusAsync(response, request, either.Token, cancellationToken).ConfigureAwait(false);
                if (RetryAfter(response) is not { } wait || wait > MaxRetryAfter || retries == MaxRetries)
                {
                    throw refusal.ToException(subject);
                }

                LogRetry(request, (int)response.StatusCode, wait);
                await Task.Delay(wait, _time, either.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException late) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw refusal?.ToException(subject) ?? Unreachable($"no answer within {RequestTimeout.TotalSeconds:0.###} s (--request-timeout)", late);
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException)
        {
            throw Unreachable($"the answer broke off: {UntrustedText.OneLine(broken.Message)}", broken);
        }
    }

    private TResult Parse<TResult>(MemoryStream body, HttpResponseMessage response, Func<Stream, TResult?> read)
    {
        try
        {
            return read(body) ?? throw NotTheApi("null");
        }
        catch (Exception malformed) when (malformed is JsonException or NotSupportedException or FormatException or InvalidOperationException)
        {
            throw NotTheApi(response.Content.Headers.ContentType?.MediaType is { } type and not "application/json" ? UntrustedText.OneLine(type) : "no valid JSON", malformed);
        }
    }

    /// <summary>Sends a GET; the answer's body is not read yet.</summary>
    private async Task<HttpResponseMessage> SendAsync(string path, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_server, path))
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Accept.ParseAdd("application/json");
        try
        {
            return await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException failed)
        {
            throw Explain(failed);
        }
        catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
        {
            // The transport's own limit, such as the one for connecting.
            throw Unreachable(UntrustedText.OneLine((late.InnerException ?? late).Message), late);
        }
    }

    private ClusterException Explain(HttpRequestException failed)
    {
        for (Exception? cause = failed; cause is not null; cause = cause.InnerException)
        {
            if (cause is ClusterException told)
            {
                return new ClusterException(told.Message, failed) { IsVerbatim = told.IsVerbatim, StatusCode = told.StatusCode };
            }

            if (cause is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
            {
                return new ClusterException($"The connection to the server {_server.Authority} was refused - did you specify the right host or port?", failed)
                {
                    IsVerbatim = true,
                };
            }
        }

        // For a socket's failure the outer message names the host; for any other the inner one says more.
        Exception telling = failed.InnerException is null or SocketException ? failed : failed.InnerException;
        return Unreachable(UntrustedText.OneLine(telling.Message), failed);
    }

    private static ClusterException Unreachable(string why, Exception? cause) =>
        new($"Unable to connect to the server: {why}", cause) { IsVerbatim = true };

    private ClusterException NotTheApi(string what, Exception? cause = null) =>
        new($"the server at {_server.Authority} answered with {what}; check that it is a Kubernetes API server and not a log-in page or a proxy before it", cause);

    /// <summary>Reads as much of a refusal as arrives. Only its status matters, and that is known.</summary>
    private async Task<ApiStatus> ReadStatusAsync(HttpResponseMessage response, string request, CancellationToken limit, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(ErrorBodyTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit, late.Token);
        using var body = new MemoryStream();
        try
        {
            await ReadBodyAsync(response, body, MaxErrorBodyLength, either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or HttpRequestException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // The body broke off or does not end.
        }

        return ApiStatus.Read(response.StatusCode, response.ReasonPhrase, Encoding.UTF8.GetString(body.GetBuffer().AsSpan(0, (int)body.Length)), request);
    }

    /// <summary>Reads the body's first <paramref name="limit"/> bytes.</summary>
    private static async Task ReadBodyAsync(HttpResponseMessage response, MemoryStream body, int limit, CancellationToken cancellationToken)
    {
        body.Capacity = (int)Math.Clamp(response.Content.Headers.ContentLength ?? 16384, 0, Math.Min(limit, 1024 * 1024));
        using Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        byte[] buffer = new byte[16384];
        while (body.Length < limit && await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and int read)
        {
            body.Write(buffer.AsSpan(0, (int)Math.Min(read, limit - body.Length)));
        }

        body.Position = 0;
    }

    /// <summary>The wait the server asks for, or null when it does not ask for another try.</summary>
    private static TimeSpan? RetryAfter(HttpResponseMessage response) =>
        response.StatusCode == HttpStatusCode.TooManyRequests || (int)response.StatusCode >= 500
            ? response.Headers.RetryAfter?.Delta
            : null;
}
