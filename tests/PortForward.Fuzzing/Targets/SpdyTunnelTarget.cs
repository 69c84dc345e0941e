using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Support;
using PortForward.Tunnels;

namespace PortForward.Fuzzing.Targets;

/// <summary>A tunnel with connections that send, end, reset and are given up while the server sends what it likes, and stops in whichever way.</summary>
internal sealed class SpdyTunnelTarget : FuzzTarget
{
    private const int PairCount = 3;

    public override IReadOnlyList<byte[]> Dictionary => SpdyFrames.All;

    public override async Task RunAsync(FuzzInput input)
    {
        Random random = input.NewRandom();
        var ending = (StreamEnding)random.Next(3);
        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var transport = new ScriptedStream(input.Bytes, new Random(random.Next()), ending, start.Task);
        var tunnel = new SpdyTunnel(transport, new TunnelDialOptions { Time = new VirtualTime() }, NullLogger.Instance);
        var pairs = new List<ITunnelPair>();
        for (int i = 0; i < PairCount; i++)
        {
            Attempt<ITunnelPair> opened = await tunnel.OpenPairAsync(80, new byte[random.Next(20)], CancellationToken.None);
            pairs.Add(opened.Value!);
        }

        // From here on both sides are at work at once.
        start.SetResult();
        Task[] clients = [.. pairs.Select(pair => UseAsync(pair, new Random(random.Next())))];
        Task<bool> ping = tunnel.PingAsync(CancellationToken.None);
        if (ending == StreamEnding.Silent)
        {
            await Task.Yield();
        }
        else
        {
            await tunnel.Completion;
        }

        await tunnel.DisposeAsync();
        await ping;
        await tunnel.Completion;
        Require.That(!tunnel.CanOpen, "nothing is opened in a tunnel that has ended");
        await Task.WhenAll(clients);
        foreach (ITunnelPair pair in pairs)
        {
            PairEnd end = await pair.Completion;
            Require.That(end.Message is null or { Length: <= 8 * 1024 }, "an error message is bounded", $"{end.Message?.Length} characters");
            Require.That((end.Kind == PairEndKind.Failed) == (end.Message is not null), "a failure and only a failure has a message", $"{end}");
        }
    }

    /// <summary>What a connection does with its pair.</summary>
    private static async Task UseAsync(ITunnelPair pair, Random random)
    {
        for (int steps = random.Next(4); steps > 0; steps--)
        {
            switch (random.Next(6))
            {
                case 0:
                    await pair.WriteAsync(new byte[random.Next(100)], CancellationToken.None);
                    break;
                case 1:
                    await pair.FinishAsync(CancellationToken.None);
                    break;
                case 2:
                    pair.Reset();
                    break;
                case 3:
                    pair.TryEndBlockedPairs();
                    break;
                default:
                    await Task.Yield();
                    break;
            }
        }

        switch (random.Next(3))
        {
            case 0:
                await pair.Input.ReadToEndAsync();
                await pair.DisposeAsync();
                break;
            case 1:
                pair.CloseByClient();
                await pair.DisposeAsync();
                break;
            default:
                await pair.DrainAsync(CancellationToken.None);
                break;
        }
    }
}
