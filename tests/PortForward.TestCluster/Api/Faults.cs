namespace PortForward.Testing.Api;

/// <summary>What happens to a request instead of its normal answer, or before it.</summary>
public abstract record RequestFault
{
    private RequestFault()
    {
    }

    /// <summary>The connection is cut with a TCP reset.</summary>
    public static RequestFault Cut { get; } = new Cutting();

    /// <summary>There is no answer, and the connection stays.</summary>
    public static RequestFault Hang { get; } = new Hanging();

    /// <summary>Answers with a Status object of the given code, as the API server would.</summary>
    public static RequestFault Status(int code, TimeSpan? retryAfter = null) => new Answering(code, retryAfter, Body: null, "application/json");

    /// <summary>Answers with any body, as a proxy in front of the API server would.</summary>
    public static RequestFault Answer(int code, string body, string contentType = "text/plain") => new Answering(code, RetryAfter: null, body, contentType);

    /// <summary>The normal answer, later.</summary>
    public static RequestFault Delay(TimeSpan time) => new Delaying(time);

    internal sealed record Cutting : RequestFault;

    internal sealed record Hanging : RequestFault;

    internal sealed record Answering(int Code, TimeSpan? RetryAfter, string? Body, string ContentType) : RequestFault;

    internal sealed record Delaying(TimeSpan Time) : RequestFault;
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
