using PortForward.Cluster.Api;

namespace PortForward.Fuzzing.Support;

/// <summary>An API server that gives the answers of a script, and then the same again.</summary>
/// <param name="answers">The script.</param>
/// <param name="random">Cuts the bodies.</param>
/// <param name="maxRequests">How many requests are not too many.</param>
internal sealed class ScriptedApi(IReadOnlyList<AnswerScript.Answer> answers, Random random, int maxRequests) : HttpMessageHandler
{
    /// <summary>How many answers of ten break off at their end.</summary>
    private readonly int _cuts = random.Next(3) switch { 0 => 3, _ => 0 };

    /// <summary>How many requests have come.</summary>
    public int Requests { get; private set; }

    /// <summary>Whether there were too many. They are not answered any more.</summary>
    public bool IsStormed => Requests > maxRequests;

    /// <summary>A client of the server.</summary>
    public ApiClient Client(TimeProvider time) => new(new HttpMessageInvoker(this), new Uri("https://cluster.test/"), time);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        AnswerScript.Answer answer = answers[Requests++ % answers.Count];
        if (IsStormed)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        StreamEnding ending = random.Next(10) < _cuts ? StreamEnding.Cut : StreamEnding.Closed;
        return answer.ToMessage(new ScriptedStream(answer.Body, random, ending) { MayBeLate = false });
    }
}
