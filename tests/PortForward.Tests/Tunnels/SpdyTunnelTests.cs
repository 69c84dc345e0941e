using System.Text;
using PortForward.Tests.Support;
using PortForward.Tunnels;

namespace PortForward.Tests.Tunnels;

/// <summary>How a tunnel opens pairs, and what is passed on in them.</summary>
public sealed class SpdyTunnelTests : SpdyTunnelTestBase
{
    [Fact]
    public async Task A_pair_is_two_streams_with_the_headers_of_the_protocol_and_the_first_bytes_in_one_write()
    {
        await _tunnel.OpenPairAsync(8080, "GET /"u8.ToArray(), CancellationToken.None);

        _client.Writes.Should().ContainSingle();
        (uint errorId, bool errorFin, Dictionary<string, string> error) = await _pod.ReadSynStreamAsync();
        (uint dataId, bool dataFin, Dictionary<string, string> data) = await _pod.ReadSynStreamAsync();
        (errorId, errorFin, dataId, dataFin).Should().Be((ErrorId, true, DataId, false));
        error.Should().BeEquivalentTo(new Dictionary<string, string>(StringComparer.Ordinal) { ["streamtype"] = "error", ["port"] = "8080", ["requestid"] = "0" });
        data.Should().BeEquivalentTo(new Dictionary<string, string>(StringComparer.Ordinal) { ["streamtype"] = "data", ["port"] = "8080", ["requestid"] = "0" });
        Encoding.UTF8.GetString((await _pod.ReadDataAsync(DataId)).Body).Should().Be("GET /");
    }

    [Fact]
    public async Task Every_pair_has_a_request_id_of_its_own()
    {
        for (int i = 0; i < 3; i++)
        {
            await _tunnel.OpenPairAsync(80, default, CancellationToken.None);
            (await _pod.ReadSynStreamAsync()).Headers["requestid"].Should().Be($"{i}");
            (await _pod.ReadSynStreamAsync()).Headers["requestid"].Should().Be($"{i}");
        }
    }

    [Fact]
    public async Task The_most_first_bytes_fit_in_one_frame()
    {
        byte[] first = new byte[_tunnel.MaxInitialData];

        await _tunnel.OpenPairAsync(80, first, CancellationToken.None);

        await _pod.ReadSynStreamAsync();
        await _pod.ReadSynStreamAsync();
        (await _pod.ReadDataAsync(DataId)).Body.Should().HaveCount(32 * 1024);
        Func<Task> more = () => _tunnel.OpenPairAsync(80, new byte[first.Length + 1], CancellationToken.None).AsTask();
        await more.Should().ThrowAsync<ArgumentOutOfRangeException>();
    }

    [Fact]
    public async Task Bytes_and_the_end_of_the_client_are_passed_on()
    {
        ITunnelPair pair = await OpenAsync();

        (await pair.WriteAsync("ping"u8.ToArray(), CancellationToken.None)).Should().BeTrue();
        await pair.FinishAsync(CancellationToken.None);

        (await _pod.ReadDataAsync(DataId)).Body.Should().Equal("ping"u8.ToArray());
        (await _pod.ReadDataAsync(DataId)).Fin.Should().BeTrue();
        (await pair.WriteAsync("more"u8.ToArray(), CancellationToken.None)).Should().BeFalse();
    }

    [Fact]
    public async Task What_the_pod_sends_to_a_pair_that_was_disposed_does_not_block_the_tunnel()
    {
        ITunnelPair pair = await OpenAsync();
        await pair.DisposeAsync();
        await _pod.ReadControlAsync(WireFrame.RstStream);

        await _pod.SendAsync(SpdyPeer.Data(DataId, new byte[2_000_000]));
        await PlayAsync("E.fin");

        (await _tunnel.OpenPairAsync(80, default, CancellationToken.None).Soon()).Value.Should().NotBeNull();
    }

    [Fact]
    public async Task A_tunnel_that_has_ended_opens_nothing_and_says_so()
    {
        await _pod.DisposeAsync();
        await _tunnel.Completion.Soon();

        _tunnel.CanOpen.Should().BeFalse();
        (await _tunnel.OpenPairAsync(80, "x"u8.ToArray(), CancellationToken.None)).Fault!.Kind.Should().Be(TunnelFaultKind.Lost);
    }
}
