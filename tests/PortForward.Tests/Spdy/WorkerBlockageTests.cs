using System.Globalization;
using PortForward.Spdy;

namespace PortForward.Tests.Spdy;

/// <summary>Each case is a script: what is sent to workers 0 to 4, what they acknowledge, and probes of the ended stream, which belongs to worker 0.</summary>
/// <remarks>
/// <c>d2</c>, <c>d2*52</c>: data to worker 2, once or so many times; <c>p</c>: a PING to each worker; <c>a2</c>: worker 2 answers its oldest PING; <c>A2</c>: all its
/// PINGs; <c>A-</c>: all of those of workers 1 to 4; <c>?</c>, <c>?*11</c>: a probe, or so many; <c>!</c>: a probe while this side does not read; <c>?3</c>: a
/// probe of a stream of worker 3.
/// </remarks>
public sealed class WorkerBlockageTests
{
    private readonly PeerWorkers _workers = new();
    private readonly Pings _pings = new();
    private readonly WorkerBlockage _blockage;
    private readonly List<Ping> _sent = [];
    private readonly WorkerProbe?[] _probes = new WorkerProbe?[PeerWorkers.Count];
    private readonly long[] _lastData = new long[PeerWorkers.Count];

    public WorkerBlockageTests() => _blockage = new WorkerBlockage(_workers, _pings);

    [Theory]
    [InlineData("?", "NotBlocked", "nothing was sent")]
    [InlineData("d0 p A0 ?", "NotBlocked", "its data was acknowledged")]
    [InlineData("d0 ? p A0 ?", "NotBlocked", "its data was acknowledged between two probes")]
    [InlineData("d0 ?", "Unclear", "no PING was sent")]
    [InlineData("d0 p A- ?", "Unclear", "one probe is not enough")]
    [InlineData("d0 p A- ? ? ? ?", "Unclear", "the other pongs answer PINGs from before the first probe")]
    [InlineData("d0 p ? A- ?", "Unclear", "the other pongs come late, but answer PINGs from before the first probe")]
    [InlineData("d0 ? p A- ?", "Unclear", "the worker owes no pong from before the first probe")]
    [InlineData("d0 p ? p ?", "Unclear", "nobody has answered")]
    [InlineData("d0 p ? p a1 ?", "Unclear", "another worker has only answered the PING from before the first probe")]
    [InlineData("d0 p ? p A1 ?", "WorkerBlocked", "another worker has answered a later PING")]
    [InlineData("d0 p ? p A- ?", "WorkerBlocked", "the other workers have answered a later PING")]
    [InlineData("p d0 A0 ? p A- ?", "Unclear", "the worker has answered all PINGs from before the first probe")]
    [InlineData("d0 p ? ! p A4 !", "WorkerBlocked", "pongs that have come count even while this side does not read")]
    public void A_worker_is_blocked_once_another_one_has_answered_a_later_ping(string script, string result, string reason)
    {
        Run(script).Result.ToString().Should().Be(result, "{0}", reason);

        (_blockage.HasBlockedWorker, _blockage.IsBlocked(0), _blockage.IsBlocked(5)).Should().Be(result == "WorkerBlocked" ? (true, true, true) : (false, false, false));
        _blockage.IsBlocked(1).Should().BeFalse();
    }

    [Theory]
    [InlineData("d0*52 ?*12", "PeerBlocked", "the worker's queue is full")]
    [InlineData("d0*52 ?*11", "Unclear", "patience lasts for twelve probes")]
    [InlineData("d0*51 ?*30", "Unclear", "the queue has room, so that the peer still reads")]
    [InlineData("d0*52 !*30", "Unclear", "this side does not read")]
    [InlineData("d0*52 ?*11 ! ?*11", "Unclear", "patience begins anew after this side did not read")]
    [InlineData("d0*52 ?*11 ! ?*12", "PeerBlocked", "patience begins anew after this side did not read")]
    [InlineData("p d0*52 ?*11 a1 ?*11", "Unclear", "patience begins anew with each acknowledgement")]
    [InlineData("p d0*52 ?*11 a1 ?*12", "PeerBlocked", "patience begins anew with each acknowledgement")]
    [InlineData("d0*52 d1*52 ?*30", "Unclear", "the peer may wait for a live stream of another worker")]
    [InlineData("d0*52 d1*51 ?*12", "PeerBlocked", "the other worker has room")]
    [InlineData("d0*52 p*60 ?*12", "PeerBlocked", "a queue full of PINGs alone waits for no stream")]
    [InlineData("d0*52 d1*52 ?1 ?*12", "PeerBlocked", "the other worker's stream has ended too")]
    [InlineData("d0 d1 d2 d3 d4 ?1 ?2 ?3 ?4 ?*12", "PeerBlocked", "all workers may be blocked")]
    [InlineData("d0 d1 d2 d3 d4 ?1 ?2 ?3 ?*30", "Unclear", "one worker may be free")]
    [InlineData("d0 d1 d2 d3 d4 ?1 ?2 ?3 ?4 p A1 ?1 ?*30", "Unclear", "one worker has turned out to be free")]
    public void The_peer_is_blocked_when_it_is_silent_for_long_and_only_ended_streams_can_be_the_reason(string script, string result, string reason)
    {
        Run(script).Result.ToString().Should().Be(result, "{0}", reason);

        _blockage.IsBlocked(0).Should().Be(result == "PeerBlocked");
    }

    [Theory]
    [InlineData("", false, "nothing was sent")]
    [InlineData("p", false, "PINGs are no data")]
    [InlineData("d3", true, "data was sent")]
    [InlineData("d3 p A3", false, "the data was acknowledged")]
    [InlineData("d3 p A- d3", true, "more data was sent")]
    [InlineData("d0 p ? p A- ?", false, "the worker that has data is blocked")]
    [InlineData("d0 p ? p A- ? d3", true, "another worker has data")]
    [InlineData("d0*52 p ? p A- ? d3", false, "behind a full queue that is never handled the peer reads nothing")]
    public void Data_may_yet_be_acknowledged_by_workers_that_are_not_blocked(string script, bool hasUnacknowledgedData, string reason)
    {
        Run(script);

        _blockage.HasUnacknowledgedData.Should().Be(hasUnacknowledgedData, "{0}", reason);
    }

    [Theory]
    [InlineData("", 0, false, "it is the only stream")]
    [InlineData("d2", 1, true, "its worker was sent data before")]
    [InlineData("d2 p A2", 1, false, "its worker has acknowledged the data before")]
    [InlineData("d2", 0, false, "the data was sent later")]
    [InlineData("d2*60", 0, false, "the data was sent later, however much")]
    [InlineData("d1*51", 0, false, "the peer still reads")]
    [InlineData("d1*52", 0, true, "the peer may have stopped reading")]
    [InlineData("p*60", 0, false, "PINGs alone do not stop the peer")]
    public void A_stream_may_wait_for_data_of_others(string script, long dataBefore, bool isBehind, string reason)
    {
        Run(script);

        _blockage.IsBehindOthers(streamId: 7, dataBefore).Should().Be(isBehind, "{0}", reason);
    }

    [Theory]
    [InlineData(0, 1, false, "acknowledged before")]
    [InlineData(0, 2, true, "sent behind what was acknowledged")]
    [InlineData(0, 9, true, "sent behind what was acknowledged")]
    [InlineData(1, 9, false, "the worker is free")]
    public void A_stream_is_behind_a_blocked_worker_with_any_frame_that_was_not_acknowledged(uint streamId, long frame, bool isBehind, string reason)
    {
        Run("p a0 d0 p ? p A-");
        _blockage.IsBehindBlocked(streamId, frame).Should().BeFalse("no worker is blocked yet");
        Run("?");

        _blockage.IsBehindBlocked(streamId, frame).Should().Be(isBehind, "{0}", reason);
    }

    /// <summary>Runs a script and returns the last probe.</summary>
    private WorkerProbe Run(string script)
    {
        WorkerProbe last = new(ProbeResult.Unclear, PingsBefore: 0, Acknowledged: 0, Silent: 0);
        foreach (string step in script.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = step.Split('*');
            int times = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 1;
            int worker = parts[0].Length > 1 && char.IsAsciiDigit(parts[0][1]) ? parts[0][1] - '0' : 0;
            for (int i = 0; i < times; i++)
            {
                switch (step[0])
                {
                    case 'd':
                        _lastData[worker] = _workers.Send((uint)worker, frames: 1, isData: true);
                        break;
                    case 'p':
                        _sent.AddRange(Enumerable.Range(0, PeerWorkers.Count).Select(_ => _pings.Add(_workers.SendPing())));
                        break;
                    case 'a':
                        Answer(_sent.Where(ping => ping.Sent.Worker == worker).Take(1));
                        break;
                    case 'A':
                        Answer(_sent.Where(ping => parts[0] == "A-" ? ping.Sent.Worker != 0 : ping.Sent.Worker == worker));
                        break;
                    default:
                        last = _probes[worker] = _blockage.Probe((uint)worker, _lastData[worker], _probes[worker], isReading: step[0] == '?');
                        break;
                }
            }
        }

        return last;
    }

    private void Answer(IEnumerable<Ping> pings)
    {
        foreach (Ping ping in pings.ToList())
        {
            _sent.Remove(ping);
            _workers.OnPong(_pings.TakeAnswered(ping.Id)!.Sent);
        }
    }
}
