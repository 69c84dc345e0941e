using System.Net;
using System.Text.Json;

namespace PortForward.Cluster.Api;

/// <summary>An answer of the API server, or of a proxy before it, other than success: what kubectl would say about it.</summary>
/// <remarks>
/// A <c>Status</c> object in the body is told in the server's own words. Any other body comes from something between here and the API server;
/// then the words are kubectl's for the status code, followed by what the body says, shortened to one line.
/// </remarks>
/// <param name="Code">The HTTP status code.</param>
/// <param name="Reason">The machine-readable reason (<c>NotFound</c>, <c>Forbidden</c>), or null when there is none.</param>
/// <param name="Message">One line for people, free of control characters.</param>
internal sealed record ApiStatus(HttpStatusCode Code, string? Reason, string Message)
{
    /// <summary>The API server's answer to a request for an upgrade that does not look like one any more (apimachinery, <c>upgradeaware.go</c>).</summary>
    private const string UpgradeIsLost = "Upgrade request required";

    /// <summary>How long the server asks to wait before the next try, from the <c>Status</c> object, or null.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The object that the <c>Status</c> is about; null when it is about none, or when something else than the API server has answered.</summary>
    internal ApiSubject? Subject { get; init; }

    /// <summary>Whether the body was a <c>Status</c> object, and so the API server's own words.</summary>
    internal bool IsFromServer { get; init; }

    /// <summary>Reads an answer.</summary>
    /// <param name="code">The HTTP status code.</param>
    /// <param name="reasonPhrase">The words beside the code in the answer's first line, or null.</param>
    /// <param name="body">The body, possibly cut short, possibly empty.</param>
    /// <param name="request">What was asked for, as in <c>get pods web</c>; it is added when the answer does not tell. Null adds nothing.</param>
    public static ApiStatus Read(HttpStatusCode code, string? reasonPhrase, string body, string? request = null)
    {
        ArgumentNullException.ThrowIfNull(body);
        return TryReadStatusObject(body, code) ?? FromCode(code, reasonPhrase, UntrustedText.OneLine(body), request);
    }

    /// <summary>The line kubectl prints for an answer, such as <c>Error from server (NotFound): pods "x" not found</c>.</summary>
    /// <param name="code">The HTTP status code.</param>
    /// <param name="reasonPhrase">The words beside the code in the answer's first line, or null.</param>
    /// <param name="body">The body, possibly cut short, possibly empty.</param>
    public static string Describe(HttpStatusCode code, string? reasonPhrase, string body) => Read(code, reasonPhrase, body).Line;

    /// <summary>The whole line kubectl prints for this status. A 401 carries kubectl's "error: " prefix, the others begin with "Error from server".</summary>
    public string Line => Reason switch
    {
        "Unauthorized" => $"error: You must be logged in to the server ({Message})",
        null or "" => $"Error from server: {Message}",
        _ => $"Error from server ({Reason}): {Message}",
    };

    /// <summary>The status as an exception whose message is <see cref="Line"/>, verbatim.</summary>
    /// <param name="asked">The object that was asked for; null when it was not a single one.</param>
    internal ClusterException ToException(ApiSubject? asked = null) =>
        new(Line) { IsVerbatim = true, StatusCode = Code, IsObjectMissing = asked is { } subject && SaysMissing(subject) };

    /// <summary>
    /// Whether the API server says that an object does not exist. A 404 without its <c>Status</c>, or with one about something else, comes from a gateway: an ingress
    /// without its backend, a management server that is being restarted.
    /// </summary>
    internal bool SaysMissing(ApiSubject subject) => Code == HttpStatusCode.NotFound && Reason == "NotFound" && Subject == subject;

    /// <summary>The status in a JSON <c>Status</c> object, or null when the element is none.</summary>
    internal static ApiStatus? FromJson(JsonElement json, HttpStatusCode fallbackCode)
    {
        if (json.ValueKind != JsonValueKind.Object || JsonFields.Text(json, "kind") != "Status")
        {
            return null;
        }

        HttpStatusCode code = JsonFields.Number(json, "code") is { } number and > 0 ? (HttpStatusCode)number : fallbackCode;
        JsonElement details = JsonFields.Object(json, "details") ?? default;
        int? wait = JsonFields.Number(details, "retryAfterSeconds");

        // A refusal whose reason is empty ends in a colon.
        string message = UntrustedText.OneLine(JsonFields.Text(json, "message") ?? "", maxLength: 2000).TrimEnd(' ', ':');
        if (message.Length == 0)
        {
            message = $"the server responded with the status code {(int)code} but did not return more information";
        }

        if (message == UpgradeIsLost)
        {
            message += ": something before the API server took the Upgrade header out of the request; let that proxy or load balancer pass Upgrade and Connection on";
        }

        return new ApiStatus(code, UntrustedText.OneLine(JsonFields.Text(json, "reason") ?? ""), message)
        {
            RetryAfter = wait is > 0 ? TimeSpan.FromSeconds(wait.Value) : null,
            IsFromServer = true,
            Subject = JsonFields.Text(details, "kind") is { } kind && JsonFields.Text(details, "name") is { } name
                ? new ApiSubject(JsonFields.Text(details, "group") ?? "", kind, name)
                : null,
        };
    }

    private static ApiStatus? TryReadStatusObject(string body, HttpStatusCode code)
    {
        if (!body.AsSpan().TrimStart().StartsWith('{'))
        {
            return null;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(body);
            return FromJson(document.RootElement, code);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static ApiStatus FromCode(HttpStatusCode code, string? reasonPhrase, string text, string? request)
    {
        // The reasons and sentences are those of kubectl for an answer without a Status object.
        (string? reason, string words) = (int)code switch
        {
            400 => ("BadRequest", "the server rejected our request for an unknown reason"),
            401 => ("Unauthorized", "the server has asked for the client to provide credentials"),
            403 => ("Forbidden", text.Length == 0 ? "the server refused the request without saying why" : text),
            404 => ("NotFound", "the server could not find the requested resource"),
            405 => ("MethodNotAllowed", "the server does not allow this method on the requested resource"),
            406 => ("NotAcceptable", "the server was unable to respond with a content type that the client supports"),
            409 => ("Conflict", "the server reported a conflict"),
            422 => ("Invalid", "the server rejected our request due to an error in our request"),
            429 => ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "the server was unable to return a response in the time allotted, but may still be processing the request"),
            >= 500 => ("InternalError", $"an error on the server (\"{(text.Length == 0 ? Status() : text)}\") has prevented the request from succeeding"),
            _ => (null, $"the server responded with the status code {Status()}" + (text.Length == 0 ? " but did not return more information" : "")),
        };
        if (request is not null)
        {
            words += $" ({request})";
        }

        if (text.Length > 0 && !words.Contains(text, StringComparison.Ordinal) && code != HttpStatusCode.Unauthorized)
        {
            words += $": {text}";
        }

        return new ApiStatus(code, reason, words);

        string Status()
        {
            string phrase = UntrustedText.OneLine(reasonPhrase ?? "");
            return phrase.Length == 0 ? $"{(int)code}" : $"{(int)code} {phrase}";
        }
    }
}
