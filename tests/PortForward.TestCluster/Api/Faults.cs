using System.Globalization;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace PortForward.Testing.Api;

/// <summary>What happens to a request instead of its normal answer, or before it. A new one is a factory here and a record below.</summary>
public abstract record RequestFault
{
    private RequestFault()
    {
    }

    private enum Ending
    {
        Whole,
        Silent,
        Endless,
    }

    /// <summary>The connection is cut with a TCP reset.</summary>
    public static RequestFault Cut { get; } = new Cutting();

    /// <summary>There is no answer, and the connection stays.</summary>
    public static RequestFault Hang { get; } = new Hanging();

    /// <summary>Answers with a Status object of the given code, as the API server would.</summary>
    public static RequestFault Status(int code, TimeSpan? retryAfter = null) => new Refusing(code, retryAfter);

    /// <summary>Answers with any body, as a proxy in front of the API server would.</summary>
    public static RequestFault Answer(int code, string body, string contentType = "text/plain") => new Answering(code, body, contentType, Ending.Whole);

    /// <summary>Answers with a body that an API server might send, but does not: any JSON, or the lines of a watch.</summary>
    public static RequestFault Json(string body, int code = 200) => new Answering(code, body, "application/json", Ending.Whole);

    /// <summary>Answers with the beginning of a body whose end never comes.</summary>
    public static RequestFault BeginsOnly(int code, string body) => new Answering(code, body, "application/json", Ending.Silent);

    /// <summary>Answers with a body that repeats its last text without end.</summary>
    public static RequestFault Endless(string body, string again) => new Answering(200, body, "application/json", Ending.Endless) { Again = again };

    /// <summary>Sends the client elsewhere.</summary>
    public static RequestFault Redirect(Uri elsewhere) => new Answering(302, "", "text/plain", Ending.Whole) { Headers = [("Location", elsewhere.ToString())] };

    /// <summary>Refuses with a Retry-After as it stands here, a date or a number.</summary>
    public static RequestFault ComeBack(int code, string retryAfter) => new Answering(code, "later", "text/plain", Ending.Whole) { Headers = [("Retry-After", retryAfter)] };

    /// <summary>The normal answer, later.</summary>
    public static RequestFault Delay(TimeSpan time) => new Delaying(time);

    /// <summary>Lets it happen.</summary>
    /// <returns>Whether the request was answered.</returns>
    internal abstract Task<bool> InflictAsync(HttpContext context, TimeProvider time, CancellationToken stopping);

    private static async Task StayAsync(HttpContext context, CancellationToken stopping)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        await Task.Delay(Timeout.InfiniteTimeSpan, over.Token);
    }

    private sealed record Cutting : RequestFault
    {
        internal override Task<bool> InflictAsync(HttpContext context, TimeProvider time, CancellationToken stopping)
        {
            var socket = context.Features.Get<IConnectionSocketFeature>()?.Socket;
            socket?.LingerState = new(enable: true, seconds: 0);
            socket?.Close();
            context.Abort();
            return Task.FromResult(true);
        }
    }

    private sealed record Hanging : RequestFault
    {
        internal override async Task<bool> InflictAsync(HttpContext context, TimeProvider time, CancellationToken stopping)
        {
            await StayAsync(context, stopping);
            return true;
        }
    }

    private sealed record Delaying(TimeSpan Time) : RequestFault
    {
        internal override async Task<bool> InflictAsync(HttpContext context, TimeProvider time, CancellationToken stopping)
        {
            await Task.Delay(Time, time, context.RequestAborted);
            return false;
        }
    }

    private sealed record Refusing(int Code, TimeSpan? RetryAfter) : RequestFault
    {
        internal override async Task<bool> InflictAsync(HttpContext context, TimeProvider time, CancellationToken stopping)
        {
            if (RetryAfter is { } wait)
                context.Response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
            await ApiStatus.Injected(Code, RetryAfter).WriteAsync(context);
            return true;
        }
    }

    private sealed record Answering(int Code, string Body, string ContentType, Ending Ends) : RequestFault
    {
        public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

        public string Again { get; init; } = "";

        internal override async Task<bool> InflictAsync(HttpContext context, TimeProvider time, CancellationToken stopping)
        {
            context.Response.StatusCode = Code;
            context.Response.ContentType = ContentType;
            foreach (var (name, value) in Headers)
                context.Response.Headers[name] = value;

            await context.Response.WriteAsync(Body, context.RequestAborted);
            if (Ends == Ending.Silent)
            {
                await context.Response.Body.FlushAsync(context.RequestAborted);
                await StayAsync(context, stopping);
            }

            while (Ends == Ending.Endless)
                await context.Response.WriteAsync(Again, context.RequestAborted);

            return true;
        }
    }
}

/// <summary>The faults planned for requests.</summary>
public sealed class Faults
{
    private readonly Lock _lock = new();
    private readonly List<Plan> _plans = [];

    internal Faults()
    {
    }

    /// <summary>Lets each request that meets the condition fail, until the plan is disposed.</summary>
    public IDisposable Always(Func<RecordedRequest, bool> condition, RequestFault fault) => Add(condition, fault, int.MaxValue);

    /// <summary>Lets the next request (or the next few) that meets the condition fail.</summary>
    public IDisposable Next(Func<RecordedRequest, bool> condition, RequestFault fault, int times = 1) => Add(condition, fault, times);

    internal RequestFault? For(RecordedRequest request)
    {
        lock (_lock)
        {
            var plan = _plans.Find(plan => plan.Condition(request));
            if (plan is null)
                return null;
            if (--plan.Left == 0)
                _plans.Remove(plan);
            return plan.Fault;
        }
    }

    private Plan Add(Func<RecordedRequest, bool> condition, RequestFault fault, int times)
    {
        var plan = new Plan(this, condition, fault) { Left = times };
        lock (_lock)
            _plans.Insert(0, plan);
        return plan;
    }

    private sealed class Plan(Faults faults, Func<RecordedRequest, bool> condition, RequestFault fault) : IDisposable
    {
        public Func<RecordedRequest, bool> Condition => condition;

        public RequestFault Fault => fault;

        public int Left { get; set; }

        public void Dispose()
        {
            lock (faults._lock)
                faults._plans.Remove(this);
        }
    }
}
