using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using PortForward.Testing.PortForwarding;

namespace PortForward.Testing.Api;

/// <summary>Answers every request: who is it, is a fault planned, what is asked for, is it allowed, and then the answer.</summary>
internal sealed class ApiServer(TestCluster cluster, Authenticator authenticator, PortForwardEndpoint portForward, CancellationToken stopping)
{
    private static readonly ApiPath.Discovery NoPath = new("");

    private readonly ConcurrentQueue<RecordedRequest> _requests = new();

    public IReadOnlyList<RecordedRequest> Requests => [.. _requests];

    /// <summary>Forgets the requests so far, which a long run would pile up.</summary>
    public void ForgetRequests() => _requests.Clear();

    public async Task ServeAsync(HttpContext context)
    {
        try
        {
            // Whose it is, is known before anybody sees the request: the check of a certificate takes its time.
            var user = await authenticator.AuthenticateAsync(context);
            var request = Record(context);
            request.User = user;
            cluster.Tunnels.Asked(context);
            _requests.Enqueue(request);
            context.Response.OnStarting(() =>
            {
                request.Status = context.Response.StatusCode;
                return Task.CompletedTask;
            });
            await AnswerAsync(context, request, user);
        }
        catch (Exception over)
            when (over is IOException or OperationCanceledException && (context.RequestAborted.IsCancellationRequested || stopping.IsCancellationRequested))
        {
            // The client left, or the cluster stops.
        }
    }

    private async Task AnswerAsync(HttpContext context, RecordedRequest request, string? user)
    {
        if (cluster.Faults.For(request) is { } fault && await fault.InflictAsync(context, cluster.Options.TimeProvider, stopping))
            return;

        if (user is null)
        {
            await ApiStatus.Unauthorized.WriteAsync(context);
            return;
        }

        if (context.Request.Headers["Impersonate-User"].ToString() is { Length: > 0 } impersonated)
        {
            var access = new AccessRequest(user, "impersonate", "", "users", null, null, impersonated);
            if (!cluster.Access.Allows(access))
            {
                await ApiStatus.Forbidden(access).WriteAsync(context);
                return;
            }

            request.User = user = impersonated;
        }

        switch (ApiPath.Parse(request.Path) ?? NoPath)
        {
            case ApiPath.Discovery discovery:
                await AnswerDiscoveryAsync(context, discovery.Path);
                break;
            case ApiPath.Resource resource:
                await AnswerResourceAsync(context, resource, user);
                break;
        }
    }

    private Task AnswerDiscoveryAsync(HttpContext context, string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts is ["metrics"])
            return WriteTextAsync(context, 200, Metrics.Write(cluster.Activity));

        var document = parts switch
        {
            ["version"] => Discovery.Version(cluster.Options.Kubernetes),
            ["api"] => Discovery.CoreVersions(),
            ["apis"] => Discovery.Groups(),
            ["api", var version] => Discovery.Resources("", version),
            ["apis", var group] => Discovery.Group(group),
            ["apis", var group, var version] => Discovery.Resources(group, version),
            _ => null,
        };
        if (document is not null)
            return WriteJsonAsync(context, 200, document.ToJsonString());

        return parts is ["healthz" or "livez" or "readyz"] ? WriteTextAsync(context, 200, "ok") : WriteTextAsync(context, 404, "404 page not found\n");
    }

    private async Task AnswerResourceAsync(HttpContext context, ApiPath.Resource path, string user)
    {
        var isWatch = IsTrue(context, "watch");
        var verb = (context.Request.Method, path.Name) switch
        {
            ("GET" or "HEAD", not null) => "get",
            ("GET" or "HEAD", null) => isWatch ? "watch" : "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", not null) => "delete",
            ("DELETE", null) => "deletecollection",
            _ => context.Request.Method.ToLowerInvariant(),
        };
        var access = new AccessRequest(user, verb, path.Type.Group, path.Type.Plural, path.Subresource, path.Namespace, path.Name);
        if (!cluster.Access.Allows(access))
        {
            await ApiStatus.Forbidden(access).WriteAsync(context);
            return;
        }

        switch (verb)
        {
            case "get" or "create" when path is { Type.Plural: "pods", Subresource: "portforward", Name: not null }:
                await ForwardAsync(context, path, access);
                break;
            case not null when path.Subresource is not null:
                await ApiStatus.NoSuchResource.WriteAsync(context);
                break;
            case "get":
                await GetAsync(context, path);
                break;
            case "list":
                await ListAsync(context, path);
                break;
            case "watch":
                await WatchAsync(context, path);
                break;
            case "create" when path.Name is null:
                await CreateAsync(context, path);
                break;
            case "delete":
                await DeleteAsync(context, path);
                break;
            default:
                await ApiStatus.MethodNotAllowed.WriteAsync(context);
                break;
        }
    }

    private async Task ForwardAsync(HttpContext context, ApiPath.Resource path, AccessRequest access)
    {
        var create = access with { Verb = "create" };
        if (access.Verb == "get" && cluster.Transports.WebSocketNeedsCreate && !cluster.Access.Allows(create))
            await ApiStatus.ForbiddenWithoutReason(create).WriteAsync(context);
        else if (cluster.Pods.Find(path.Name!, path.Namespace!) is { } pod)
            await portForward.ServeAsync(context, pod, access.User);
        else
            await ApiStatus.NotFound(path.Type, path.Name!).WriteAsync(context);
    }

    private Task GetAsync(HttpContext context, ApiPath.Resource path) =>
        cluster.Objects.Find(path.Type, path.Namespace, path.Name!) is { } json
            ? WriteJsonAsync(context, 200, json)
            : ApiStatus.NotFound(path.Type, path.Name!).WriteAsync(context);

    private async Task ListAsync(HttpContext context, ApiPath.Resource path)
    {
        if (await SelectorAsync(context) is not { } selector)
            return;
        _ = int.TryParse(context.Request.Query["limit"], out var limit);
        var token = context.Request.Query["continue"].ToString();
        var after = token.Length == 0 ? null : Encoding.UTF8.GetString(Convert.FromBase64String(token));
        await WriteJsonAsync(context, 200, cluster.Objects.List(path.Type, path.Namespace, selector, limit, after));
    }

    private async Task WatchAsync(HttpContext context, ApiPath.Resource path)
    {
        if (await SelectorAsync(context) is not { } selector)
            return;

        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        if (int.TryParse(context.Request.Query["timeoutSeconds"], out var seconds) && seconds > 0)
            over.CancelAfter(TimeSpan.FromSeconds(seconds));
        long? since = long.TryParse(context.Request.Query["resourceVersion"], out var version) ? version : null;
        var watcher = cluster.Objects.Watch(
            path.Type, path.Namespace, selector, since, IsTrue(context, "allowWatchBookmarks"), IsTrue(context, "sendInitialEvents"));
        cluster.Activity.WatchOpened();
        try
        {
            context.Response.ContentType = "application/json";
            await context.Response.Body.FlushAsync(over.Token);
            await foreach (var line in watcher.Lines.ReadAllAsync(over.Token))
            {
                await context.Response.WriteAsync(line, over.Token);
                await context.Response.Body.FlushAsync(over.Token);
            }
        }
        catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
        {
            // The watch's own time is over: it ends like any answer.
        }
        finally
        {
            cluster.Objects.Unwatch(watcher);
            cluster.Activity.WatchClosed();
        }
    }

    private async Task CreateAsync(HttpContext context, ApiPath.Resource path)
    {
        JsonObject? json;
        try
        {
            json = await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted) as JsonObject;
        }
        catch (JsonException)
        {
            json = null;
        }

        if (json?["metadata"] is not JsonObject metadata || (string?)metadata["name"] is not { } name)
        {
            await ApiStatus.BadRequest("the object provided is not an object with a name in JSON").WriteAsync(context);
            return;
        }

        if (cluster.Objects.Find(path.Type, path.Namespace, name) is not null)
        {
            await ApiStatus.AlreadyExists(path.Type, name).WriteAsync(context);
            return;
        }

        json["apiVersion"] = path.Type.ApiVersion;
        json["kind"] = path.Type.Kind;
        if (path.Namespace is not null)
            metadata["namespace"] = path.Namespace;
        cluster.Objects.Put(json);
        await WriteJsonAsync(context, 201, cluster.Objects.Find(path.Type, path.Namespace, name)!);
    }

    private async Task DeleteAsync(HttpContext context, ApiPath.Resource path)
    {
        var json = cluster.Objects.Find(path.Type, path.Namespace, path.Name!);
        if (json is null)
        {
            await ApiStatus.NotFound(path.Type, path.Name!).WriteAsync(context);
            return;
        }

        if (path.Type.Plural == "pods" && cluster.Pods.Find(path.Name!, path.Namespace!) is { } pod)
            pod.Delete();
        else
            cluster.Objects.Delete(path.Type.Plural, path.Namespace, path.Name!);
        await WriteJsonAsync(context, 200, json);
    }

    private static async Task<Selectors.Selector?> SelectorAsync(HttpContext context)
    {
        try
        {
            return Selectors.Parse(context.Request.Query["labelSelector"].ToString(), context.Request.Query["fieldSelector"].ToString());
        }
        catch (FormatException wrong)
        {
            await ApiStatus.BadRequest(wrong.Message).WriteAsync(context);
            return null;
        }
    }

    private static bool IsTrue(HttpContext context, string parameter) =>
        context.Request.Query[parameter].ToString() is "true" or "1";

    private static Task WriteTextAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text);
    }

    private static Task WriteJsonAsync(HttpContext context, int status, string json)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(json);
    }

    private static RecordedRequest Record(HttpContext context)
    {
        var request = context.Request;
        var headers = request.Headers.ToDictionary(
            header => header.Key,
            header => (IReadOnlyList<string>)[.. header.Value.Select(value => IsSecret(header.Key) ? Fingerprint(value ?? "") : value ?? "")],
            StringComparer.OrdinalIgnoreCase);
        return new RecordedRequest(
            request.Method, request.Path.Value ?? "", request.QueryString.Value ?? "", headers, request.Protocol, context.Connection.Id)
        {
            PathPrefix = request.PathBase.Value ?? "",
        };
    }

    private static bool IsSecret(string header) =>
        header.Equals("Authorization", StringComparison.OrdinalIgnoreCase) || header.Equals("Proxy-Authorization", StringComparison.OrdinalIgnoreCase);

    private static string Fingerprint(string value)
    {
        var scheme = value.Split(' ')[0];
        return $"{scheme} sha256:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(value)))[..12]}";
    }
}
