using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace PortForward.Testing.Api;

/// <summary>A failure in the API server's own form: an object of kind Status.</summary>
internal sealed record ApiStatus(int Code, string Reason, string Message, JsonObject? Details = null)
{
    public static ApiStatus Unauthorized { get; } = new(401, "Unauthorized", "Unauthorized");

    public static ApiStatus BadRequest(string message) => new(400, "BadRequest", message);

    public static ApiStatus NotFound(ResourceType type, string name) =>
        new(404, "NotFound", $"{type.QualifiedName} \"{name}\" not found", DetailsOf(type, name));

    public static ApiStatus AlreadyExists(ResourceType type, string name) =>
        new(409, "AlreadyExists", $"{type.QualifiedName} \"{name}\" already exists", DetailsOf(type, name));

    public static ApiStatus NoSuchResource { get; } =
        new(404, "NotFound", "the server could not find the requested resource", []);

    public static ApiStatus MethodNotAllowed { get; } =
        new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", []);

    public static ApiStatus Expired(long asked, long oldest) =>
        new(410, "Expired", $"too old resource version: {asked} ({oldest})");

    public static ApiStatus Forbidden(AccessRequest access)
    {
        var resource = access.Subresource is null ? access.Resource : $"{access.Resource}/{access.Subresource}";
        var qualified = access.Group.Length == 0 ? access.Resource : $"{access.Resource}.{access.Group}";
        var subject = access.Name is null ? $"{qualified} is forbidden" : $"{qualified} \"{access.Name}\" is forbidden";
        var scope = access.Namespace is null ? "at the cluster scope" : $"in the namespace \"{access.Namespace}\"";
        var details = new JsonObject { ["kind"] = access.Resource };
        if (access.Name is not null)
            details.Insert(0, "name", access.Name);
        if (access.Group.Length > 0)
            details["group"] = access.Group;
        return new(403, "Forbidden", $"{subject}: User \"{access.User}\" cannot {access.Verb} resource \"{resource}\" in API group \"{access.Group}\" {scope}", details);
    }

    /// <summary>What the check of a WebSocket's second verb says since Kubernetes 1.35: RBAC gives it no reason.</summary>
    public static ApiStatus ForbiddenWithoutReason(AccessRequest access) =>
        Forbidden(access) with { Message = $"{access.Resource} \"{access.Name}\" is forbidden: " };

    /// <summary>What the server says for a status that a test injects.</summary>
    public static ApiStatus Injected(int code, TimeSpan? retryAfter) => code switch
    {
        401 => Unauthorized,
        403 => new(403, "Forbidden", "forbidden"),
        404 => NoSuchResource,
        429 => new(429, "TooManyRequests", "Too many requests, please try again later.", RetryDetails(retryAfter)),
        500 => new(500, "InternalError", "Internal error occurred: injected by the test", []),
        503 => new(503, "ServiceUnavailable", "the server is currently unable to handle the request", RetryDetails(retryAfter)),
        504 => new(504, "Timeout", "request did not complete within the allotted timeout", []),
        _ => new(code, "Unknown", $"the server answered with status {code}"),
    };

    public JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Failure",
            ["message"] = Message,
            ["reason"] = Reason,
        };
        if (Details is not null)
            json["details"] = Details.DeepClone();
        json["code"] = Code;
        return json;
    }

    public Task WriteAsync(HttpContext context)
    {
        context.Response.StatusCode = Code;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(ToJson().ToJsonString());
    }

    private static JsonObject DetailsOf(ResourceType type, string name)
    {
        var details = new JsonObject { ["name"] = name };
        if (type.Group.Length > 0)
            details["group"] = type.Group;
        details["kind"] = type.Plural;
        return details;
    }

    private static JsonObject RetryDetails(TimeSpan? retryAfter) =>
        retryAfter is { } wait ? new() { ["retryAfterSeconds"] = (int)Math.Ceiling(wait.TotalSeconds) } : [];
}
