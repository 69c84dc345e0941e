using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using PortForward.Cluster.Tests.Routing;
using PortForward.Forwarding;
using PortForward.Testing;
using PortForward.Testing.Applications;
using PortForward.Testing.PortForwarding;
using PortForward.Tunnels;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>What happens on a connection, and what each transport must make of it.</summary>
internal sealed class Scene
{
    private const int Refused = 9999, Resets = 7005, Sink = 7002, Bulk = 7100, Pieces = 7101, Afterthought = 7102;

    private const string LastWord = "after all";

    private static readonly Outcome ClientEnds = new(ClientSees.Nothing, ConnectionEndKind.ClientGone);
    private static readonly Outcome WholeAnswer = new(ClientSees.End, ConnectionEndKind.Completed);

    /// <summary>
    /// All scenes. Where channels differ from the other two: they have neither half-close nor reset on the wire, but the kubelet writes the runtime's
    /// error to their error channel, which comes to the same wherever there is one.
    /// </summary>
    private static readonly Scene[] All =
    [
        new("echo", RoutedForward.Echo, EchoAsync)
        {
            Expected = Alike(ClientEnds),
        },
        new("bulk each way", Bulk, BulkAsync)
        {
            Expected = Alike(WholeAnswer),
        },

        // The client's end is held back as long as the answer flows: passed on, it would have the runtime cut the answer.
        new("half-close before a late answer", Pieces, LateAnswerAsync)
        {
            Expected = Alike(WholeAnswer),
            Grace = TimeSpan.FromMilliseconds(20),
        },

        // After the hold the end is passed on: by the stream's FIN, or, with channels, by closing the WebSocket. The runtime then ends the
        // connection to the application, which has seen nothing and so says nothing, and that is an orderly end.
        new("half-close and silence", Sink, SilenceAsync)
        {
            Expected = Alike(WholeAnswer),
            Grace = TimeSpan.FromMilliseconds(100),
            Hold = TimeSpan.FromMilliseconds(300),
        },

        // What the application says after the hold: the runtime lets it pass for one second more, but a WebSocket that is closed carries nothing.
        new("half-close and an answer after the hold", Afterthought, AfterthoughtAsync)
        {
            Expected = new Dictionary<string, Outcome>(StringComparer.Ordinal)
            {
                [KubeconfigForward.WebSocket] = WholeAnswer with { Answer = LastWord },
                [KubeconfigForward.Spdy] = WholeAnswer with { Answer = LastWord },
                [KubeconfigForward.Channel] = WholeAnswer,
            },
            Grace = TimeSpan.FromSeconds(10),
            Hold = TimeSpan.FromMilliseconds(100),
        },
        new("refused port", Refused, RefusedAsync)
        {
            Expected = Alike(new Outcome(ClientSees.Reset, ConnectionEndKind.PodFailed, PodErrorKind.ApplicationRefused)),
        },
        new("reset by the pod", Resets, ResetAsync)
        {
            Expected = Alike(new Outcome(ClientSees.Reset, ConnectionEndKind.PodFailed, PodErrorKind.ConnectionDied)),
        },

        // Some runtimes reset the error stream without a word. Channels have no such thing: what they carry of an error is its text.
        new("reset by the pod without a word", Resets, ResetAsync)
        {
            Expected = new Dictionary<string, Outcome>(StringComparer.Ordinal)
            {
                [KubeconfigForward.WebSocket] = new(ClientSees.Reset, ConnectionEndKind.PodReset),
                [KubeconfigForward.Spdy] = new(ClientSees.Reset, ConnectionEndKind.PodReset),
                [KubeconfigForward.Channel] = new(ClientSees.Reset, ConnectionEndKind.PodFailed, PodErrorKind.ConnectionDied),
            },
            ErrorEnding = ErrorEnding.ResetAlone,
        },
        new("50 parallel", RoutedForward.Echo, ParallelAsync)
        {
            Expected = Alike(ClientEnds),
            Connections = 50,
        },
    ];

    private readonly Func<Stage, Task<ClientSees>> _play;

    private Scene(string name, int port, Func<Stage, Task<ClientSees>> play)
    {
        Name = name;
        Port = port;
        _play = play;
    }

    public static IEnumerable<string> Names => All.Select(scene => scene.Name);

    public string Name { get; }

    /// <summary>The pod's port.</summary>
    public int Port { get; }

    /// <summary>How each connection must end, by the transport.</summary>
    public required IReadOnlyDictionary<string, Outcome> Expected { get; init; }

    /// <summary>How many connections there are.</summary>
    public int Connections { get; private init; } = 1;

    /// <summary>What the runtime gives the second direction after the first has ended, if it matters to the scene.</summary>
    public TimeSpan? Grace { get; private init; }

    /// <summary>How long the forward holds a client's end back.</summary>
    public TimeSpan Hold { get; private init; } = new PortForwarderOptions().HalfCloseTimeout;

    /// <summary>How the runtime ends the error stream.</summary>
    public ErrorEnding ErrorEnding { get; private init; }

    public static Scene Named(string name) => All.Single(scene => scene.Name == name);

    /// <summary>The pod with the applications of all scenes.</summary>
    public static TestPod Pod(bool isFull) => TestPod.Probe("solo")
        .Serves(Bulk, BulkApplication.ServeAsync)
        .Serves(Pieces, AnswersInPieces(isFull))
        .Serves(Afterthought, TestApplications.AnswersAfterFirstByte(LastWord, TimeSpan.FromSeconds(3)));

    /// <summary>Plays the scene's connections to their end.</summary>
    /// <returns>What the clients saw.</returns>
    public Task<ClientSees> PlayAsync(RoutedForward forward, string transport, bool isFull) => _play(new Stage(this, forward, Expected[transport], isFull));

    private static Dictionary<string, Outcome> Alike(Outcome outcome) => new(StringComparer.Ordinal)
    {
        [KubeconfigForward.WebSocket] = outcome,
        [KubeconfigForward.Spdy] = outcome,
        [KubeconfigForward.Channel] = outcome,
    };

    private static async Task<ClientSees> EchoAsync(Stage stage)
    {
        using Socket client = await stage.Forward.ConnectAsync();
        await RoutedForward.EchoAsync(client, "first");
        await RoutedForward.EchoAsync(client, new string('x', 100_000));
        await RoutedForward.EchoAsync(client, "last");
        client.Close(timeout: 0);
        return ClientSees.Nothing;
    }

    private static async Task<ClientSees> BulkAsync(Stage stage)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        using Socket client = await stage.Forward.ConnectAsync();
        await BulkApplication.TransferAsync(client, stage.IsFull ? 64 << 20 : 8 << 20, limit.Token);
        (byte[] more, ClientSees end) = await ReadToEndAsync(client);
        more.Should().BeEmpty();
        return end;
    }

    private static async Task<ClientSees> LateAnswerAsync(Stage stage)
    {
        using Socket client = await stage.Forward.ConnectAsync();
        await client.SendAsync("question"u8.ToArray());
        client.Shutdown(SocketShutdown.Send);
        (byte[] answer, ClientSees end) = await ReadToEndAsync(client);
        Encoding.ASCII.GetString(answer).Should().Be(string.Concat(PiecesOf(stage.IsFull)));
        return end;
    }

    private static async Task<ClientSees> SilenceAsync(Stage stage)
    {
        using Socket client = await stage.Forward.ConnectAsync();
        await client.SendAsync("question"u8.ToArray());
        long asked = Stopwatch.GetTimestamp();
        client.Shutdown(SocketShutdown.Send);
        (byte[] answer, ClientSees end) = await ReadToEndAsync(client);
        answer.Should().BeEmpty("the application has not seen the client's end");
        Stopwatch.GetElapsedTime(asked).Should().BeGreaterThan(stage.Scene.Hold - TimeSpan.FromMilliseconds(20), "the hold comes first");
        return end;
    }

    private static async Task<ClientSees> AfterthoughtAsync(Stage stage)
    {
        using Socket client = await stage.Forward.ConnectAsync();
        await client.SendAsync("question"u8.ToArray());
        client.Shutdown(SocketShutdown.Send);
        (byte[] answer, ClientSees end) = await ReadToEndAsync(client);
        Encoding.ASCII.GetString(answer).Should().Be(stage.Expected.Answer);
        return end;
    }

    private static async Task<ClientSees> RefusedAsync(Stage stage) =>
        await stage.Forward.ConnectAsync().IsResetAsync() ? ClientSees.Reset : ClientSees.End;

    private static async Task<ClientSees> ResetAsync(Stage stage) =>
        await stage.Forward.ConnectAsync().IsResetAsync("x"u8.ToArray()) ? ClientSees.Reset : ClientSees.End;

    private static async Task<ClientSees> ParallelAsync(Stage stage)
    {
        Socket[] clients = await Task.WhenAll(Enumerable.Range(0, stage.Scene.Connections).Select(_ => stage.Forward.ConnectAsync()));
        try
        {
            // All are open at once: nobody ends before everybody has been answered twice.
            for (int round = 1; round <= 2; round++)
            {
                await Task.WhenAll(clients.Select((client, i) => RoutedForward.EchoAsync(client, $"client {i}, round {round}: {new string((char)('0' + i), 10_000)}")));
            }
        }
        finally
        {
            foreach (Socket client in clients)
            {
                client.Close(timeout: 0);
            }
        }

        return ClientSees.Nothing;
    }

    private static ApplicationHandler AnswersInPieces(bool isFull) => async (connection, stopping) =>
    {
        await connection.ReceiveAsync(new byte[64], stopping);
        foreach (string piece in PiecesOf(isFull))
        {
            // Together longer than the hold, when there is time for that; each far shorter than it, and far longer than the grace.
            await Task.Delay(isFull ? TimeSpan.FromSeconds(1.2) : TimeSpan.FromMilliseconds(150), stopping);
            await connection.SendAsync(Encoding.ASCII.GetBytes(piece), stopping);
        }
    };

    private static IEnumerable<string> PiecesOf(bool isFull) => Enumerable.Range(1, isFull ? 6 : 2).Select(number => $"piece {number} {new string('p', 20_000)}\n");

    private static async Task<(byte[] Bytes, ClientSees End)> ReadToEndAsync(Socket client)
    {
        using var bytes = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await client.ReceiveAsync(buffer.AsMemory()).Soon() is > 0 and int read)
            {
                bytes.Write(buffer, 0, read);
            }

            return (bytes.ToArray(), ClientSees.End);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            return (bytes.ToArray(), ClientSees.Reset);
        }
    }

    /// <summary>Where a scene is played.</summary>
    private sealed record Stage(Scene Scene, RoutedForward Forward, Outcome Expected, bool IsFull);
}
