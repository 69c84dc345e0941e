using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using PortForward.Spdy;

namespace PortForward.Tests.Support;

/// <summary>A session whose peer is the test.</summary>
internal sealed class SpdyFixture : IAsyncDisposable
{
    public static readonly KeyValuePair<string, string>[] NoHeaders = [];

    public SpdyFixture(SpdySessionOptions? options = null, int transportBuffer = 0)
    {
        (Client, Server) = DuplexStream.CreatePair(transportBuffer);
        Session = new SpdySession(Client, options);
        Peer = new SpdyPeer(Server);
    }

    public DuplexStream Client { get; }

    public DuplexStream Server { get; }

    public SpdySession Session { get; }

    public SpdyPeer Peer { get; }

    /// <summary>Opens one stream and reads its SYN_STREAM.</summary>
    public async Task<SpdyStream> OpenAsync(bool finish = false)
    {
        SpdyStream[]? streams = await Session.OpenAsync([new StreamOpening(NoHeaders, finish)], default).Soon();
        await Peer.ReadSynStreamAsync();
        return streams!.Single();
    }

    /// <summary>Waits until the session has handled everything that the peer has sent so far.</summary>
    public async Task SettleAsync()
    {
        await Peer.SendAsync(SpdyPeer.Ping(0xfffffff0));
        (await Peer.ReadControlAsync(WireFrame.Ping)).Word(0).Should().Be(0xfffffff0);
    }

    public async ValueTask DisposeAsync()
    {
        await Session.DisposeAsync().Soon();
        await Peer.DisposeAsync();
    }
}

internal static class PipeReaderExtensions
{
    /// <summary>Reads up to the end.</summary>
    public static async Task<byte[]> ReadToEndAsync(this PipeReader reader)
    {
        using var all = new MemoryStream();
        await reader.CopyToAsync(all).Soon();
        return all.ToArray();
    }

    public static async Task<string> ReadTextToEndAsync(this PipeReader reader) => Encoding.UTF8.GetString(await reader.ReadToEndAsync());

    /// <summary>Reads exactly so many bytes.</summary>
    public static async Task<string> ReadTextAsync(this PipeReader reader, int count)
    {
        ReadResult result = await reader.ReadAtLeastAsync(count).Soon();
        ReadOnlySequence<byte> taken = result.Buffer.Slice(0, Math.Min(count, result.Buffer.Length));
        string text = Encoding.UTF8.GetString(taken);
        reader.AdvanceTo(taken.End);
        return text;
    }
}
