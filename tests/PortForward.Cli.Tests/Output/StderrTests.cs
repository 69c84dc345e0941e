using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cli.Output;

namespace PortForward.Cli.Tests.Output;

/// <summary>How one event looks for people and for programs.</summary>
public sealed class StderrTests
{
    private static readonly DateTimeOffset Now = new(2026, 5, 4, 1, 2, 1, 89, TimeSpan.Zero);

    private readonly List<string> _written = [];

    [Fact]
    public async Task In_JSON_every_event_has_the_same_envelope_and_then_its_own_fields()
    {
        JsonElement json = await JsonOfAsync(new OutputEvent(EventTypes.ConnectionFailed, LogLevel.Error, "it failed")
        {
            Reason = "pod-reset",
            Pod = "web-1",
            Local = new IPEndPoint(IPAddress.IPv6Loopback, 8080),
            Remote = new RemotePort(80, "http"),
            Fields = [("id", 7L), ("seconds", 0.12345), ("transport", "spdy"), ("pods", new[] { "a", "b" }), ("nothing", null)],
        });

        json.GetRawText().Should().Be(
            """{"time":"2026-05-04T01:02:01.089Z","type":"connection-failed","level":"error","message":"it failed","reason":"pod-reset","forward":"web","target":"service/web","namespace":"shop","context":"kind-dev","pod":"web-1","local":{"address":"::1","port":8080},"remote":{"port":80,"name":"http"},"id":7,"seconds":0.123,"transport":"spdy","pods":["a","b"]}""");
    }

    [Fact]
    public async Task What_is_not_known_is_left_out()
    {
        JsonElement json = await JsonOfAsync(new OutputEvent(EventTypes.Note, LogLevel.Warning, "note: x"), hasForward: false);

        json.EnumerateObject().Select(property => property.Name).Should().Equal("time", "type", "level", "message");
    }

    [Fact]
    public async Task In_JSON_no_text_of_others_makes_a_second_line_or_reaches_the_terminal()
    {
        const string Text = "a\nb\u001b]52;c;x\u0007\u202e\u2028\"é😀";

        JsonElement json = await JsonOfAsync(new OutputEvent(EventTypes.Error, LogLevel.Critical, Text) { Exception = new InvalidOperationException(Text) });

        json.GetProperty("message").GetString().Should().Be(Text);
        json.GetProperty("exception").GetString().Should().Contain(Text);
        _written.Single().TrimEnd('\r', '\n').Should().MatchRegex("^[ -~]*$");
    }

    [Fact]
    public async Task For_people_no_text_of_others_makes_a_second_line_or_reaches_the_terminal()
    {
        const string Text = "a\r\nlost: b\u001b]52;c;x\u0007\u202e\u2028c\u009bd\U000E0041é😀";
        const string Shown = "a  lost: b\\u001b]52;c;x\\u0007\\u202e c\\u009bd\\U000e0041é😀";

        await using (Stderr stderr = Create(LogFormat.Text))
        {
            stderr.Tell(new OutputEvent(EventTypes.Error, LogLevel.Critical, Text) { Exception = new IOException(Text, new InvalidOperationException(Text)) });
        }

        string.Concat(_written).Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries).Should().Equal(
            Shown, $"System.IO.IOException: {Shown}", $"caused by System.InvalidOperationException: {Shown}");
    }

    [Theory]
    [InlineData((int)LogFormat.Text)]
    [InlineData((int)LogFormat.Json)]
    public async Task Half_a_surrogate_pair_is_told_as_a_character_that_is_missing(int format)
    {
        await using (Stderr stderr = Create((LogFormat)format))
        {
            stderr.Tell(new OutputEvent(EventTypes.Error, LogLevel.Critical, "a\ud800b"));
        }

        string line = string.Concat(_written);
        (line.Contains("a\ufffdb", StringComparison.Ordinal) || line.Contains("a\\uFFFDb", StringComparison.Ordinal)).Should().BeTrue(line);
    }

    [Fact]
    public async Task A_line_for_people_has_an_end()
    {
        await using (Stderr stderr = Create(LogFormat.Text))
        {
            stderr.Tell(new OutputEvent(EventTypes.Error, LogLevel.Critical, new string('x', 100_000)));
        }

        string.Concat(_written).TrimEnd().Should().HaveLength(4096).And.EndWith("x…");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Diagnostics_of_the_libraries_take_the_same_way(bool isJson)
    {
        await using (Stderr stderr = Create(isJson ? LogFormat.Json : LogFormat.Text))
        {
            using ILoggerFactory loggers = stderr.CreateLoggerFactory(LogLevel.Debug);
            ILogger logger = loggers.CreateLogger("PortForward.Some.Place");
#pragma warning disable CA1848, CA2254 // A message of a test.
            logger.LogDebug(new EventId(1, "Asked"), "GET /api");
            logger.LogTrace("not heard");
#pragma warning restore CA1848, CA2254
        }

        string line = _written.Should().ContainSingle().Subject.TrimEnd();
        if (!isJson)
        {
            line.Should().MatchRegex(@"^D \d\d:\d\d:\d\d\.089 Place: GET /api$");
            return;
        }

        using var json = JsonDocument.Parse(line);
        json.RootElement.GetRawText().Should().Contain("\"type\":\"log\",\"level\":\"debug\",\"message\":\"GET /api\",\"reason\":\"Asked\"").And.EndWith("\"category\":\"PortForward.Some.Place\"}");
    }

    [Fact]
    public async Task For_people_it_is_the_sentence()
    {
        await using (Stderr stderr = Create(LogFormat.Text))
        {
            stderr.Tell(UserMessages.Note("pod web is not ready"));
            stderr.Tell(UserMessages.Waiting("waiting for a pod"));
        }

        _written.Should().Equal($"note: pod web is not ready{Environment.NewLine}", $"waiting for a pod{Environment.NewLine}");
    }

    [Fact]
    public async Task On_a_terminal_what_is_waited_for_is_one_line_that_the_next_one_replaces()
    {
        await using (Stderr stderr = Create(LogFormat.Text, isTerminal: true))
        {
            stderr.Tell(UserMessages.Waiting("waiting"));
            stderr.Tell(UserMessages.Waiting("waiting still"));
            stderr.Tell(UserMessages.Running("web"));
            stderr.Tell(UserMessages.Note("x"));
        }

        _written.Should().Equal("waiting", "\r\u001b[Kwaiting still", $"\r\u001b[Kpod web is running{Environment.NewLine}", $"note: x{Environment.NewLine}");
    }

    [Fact]
    public async Task A_stream_that_takes_nothing_any_more_is_told_once_and_written_to_no_more()
    {
        int writes = 0;
        var faults = new List<StreamFault>();
        await using (var writer = new LineWriter(_ => ++writes == 2 ? new StreamFault(IsClosed: false, "full") : null, faults.Add))
        {
            for (int i = 0; i < 5; i++)
            {
                writer.WriteLine("line");
            }
        }

        writes.Should().Be(2);
        faults.Should().Equal(new StreamFault(IsClosed: false, "full"));
    }

    private async Task<JsonElement> JsonOfAsync(OutputEvent @event, bool hasForward = true)
    {
        await using (Stderr stderr = Create(LogFormat.Json))
        {
            stderr.Forward = hasForward ? new ForwardIdentity("web", "service/web", "shop", "kind-dev") : null;
            stderr.Tell(@event);
        }

        using var json = JsonDocument.Parse(_written.Should().ContainSingle().Subject);
        return json.RootElement.Clone();
    }

    private Stderr Create(LogFormat format, bool isTerminal = false) => new(format, Write, new FakeTimeProvider(Now), isTerminal);

    private StreamFault? Write(string text)
    {
        _written.Add(text);
        return null;
    }
}
