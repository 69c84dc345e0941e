using PortForward.Spdy;

namespace PortForward.Tests.Spdy;

public sealed class PingsTests
{
    private readonly PeerWorkers _workers = new();
    private readonly Pings _pings = new();

    [Fact]
    public void Ids_are_odd_and_rise()
    {
        Add(3).Select(ping => ping.Id).Should().Equal(1, 3, 5);
    }

    /// <summary>w1: the first PING is withdrawn; p1: its pong has come.</summary>
    [Theory]
    [InlineData("", 3)]
    [InlineData("p1", 2)]
    [InlineData("w1", 2)]
    [InlineData("p2 p3 p1", 0)]
    [InlineData("w2 w3", 1)]
    [InlineData("p1 w1", 2)]
    [InlineData("w1 p1", 2)]
    [InlineData("w1 w1", 2)]
    [InlineData("p1 p1", 2)]
    [InlineData("p1 w1 w2 p3", 0)]
    public void A_pong_is_awaited_until_it_has_come_or_is_withdrawn(string script, int awaited)
    {
        Run(Add(3), script);

        _pings.Awaited.Should().Be(awaited);
    }

    [Theory]
    [InlineData("", 2, true)]
    [InlineData("w2", 2, true)]
    [InlineData("p2", 2, false)]
    [InlineData("w2 p2", 2, false)]
    [InlineData("", 99, false)]
    public void A_pong_finds_its_ping_once_even_if_nobody_waits_any_more(string script, int index, bool isFound)
    {
        Ping[] sent = Add(3);
        Run(sent, script);

        Ping? answered = _pings.TakeAnswered((uint)((2 * index) - 1));

        answered.Should().BeSameAs(isFound ? sent[index - 1] : null);
    }

    [Theory]
    [InlineData(64, true)]
    [InlineData(65, false)]
    public void Of_the_withdrawn_only_the_last_are_remembered(int withdrawn, bool isFirstRemembered)
    {
        Ping[] sent = Add(withdrawn);
        Array.ForEach(sent, _pings.Withdraw);

        (_pings.TakeAnswered(1) is not null).Should().Be(isFirstRemembered);
        _pings.TakeAnswered(sent[^1].Id).Should().NotBeNull();
    }

    [Fact]
    public void What_is_awaited_is_never_forgotten()
    {
        Ping awaited = Add(1)[0];
        Array.ForEach(Add(100), _pings.Withdraw);

        _pings.Awaited.Should().Be(1);
        _pings.TakeAnswered(awaited.Id).Should().BeSameAs(awaited);
    }

    /// <summary>Seven PINGs: the first and the sixth go to worker 0, the second and the seventh to worker 1.</summary>
    [Theory]
    [InlineData("", 0, 1, true)]
    [InlineData("", 0, 0, false)]
    [InlineData("", 1, 1, false)]
    [InlineData("", 1, 2, true)]
    [InlineData("w1", 0, 1, true)]
    [InlineData("p1", 0, 1, false)]
    [InlineData("p1", 0, 5, false)]
    [InlineData("p1", 0, 6, true)]
    [InlineData("p6", 0, 6, true)]
    [InlineData("p1 p6", 0, 7, false)]
    public void A_pong_is_due_from_a_worker_that_has_not_answered_an_early_ping(string script, int worker, long before, bool isDue)
    {
        Run(Add(7), script);

        _pings.IsPongDue(worker, before).Should().Be(isDue);
    }

    [Theory]
    [InlineData("", 0, "1 6")]
    [InlineData("", 3, "4")]
    [InlineData("w1", 0, "1 6")]
    [InlineData("p1", 0, "6")]
    [InlineData("p4", 3, "")]
    public void The_unanswered_pings_of_a_worker_are_known(string script, int worker, string unanswered)
    {
        Ping[] sent = Add(7);
        Run(sent, script);

        string.Join(' ', _pings.UnansweredBy(worker).Select(ping => Array.IndexOf(sent, ping) + 1)).Should().Be(unanswered);
    }

    [Fact]
    public void When_the_session_ends_no_pong_is_awaited_any_more()
    {
        Ping[] sent = Add(3);
        Run(sent, "p2 w3");

        _pings.IsClosed.Should().BeFalse();
        _pings.Close().Should().Equal(sent[0], sent[2]);
        (_pings.IsClosed, _pings.Awaited, _pings.TakeAnswered(1)).Should().Be((true, 0, null));
    }

    [Fact]
    public void Whoever_waits_is_told_once()
    {
        Ping[] sent = Add(2);

        sent[0].Pong.IsCompleted.Should().BeFalse();
        Array.ForEach(sent, ping => ping.Complete(hasPong: ping.Id == 1));
        Array.ForEach(sent, ping => ping.Complete(hasPong: ping.Id != 1));

        sent.Select(ping => ping.Pong.Result).Should().Equal(true, false);
    }

    private Ping[] Add(int count) => [.. Enumerable.Range(0, count).Select(_ => _pings.Add(_workers.SendPing()))];

    private void Run(Ping[] sent, string script)
    {
        foreach (string step in script.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            Ping ping = sent[int.Parse(step[1..]) - 1];
            if (step[0] == 'w')
            {
                _pings.Withdraw(ping);
            }
            else
            {
                _pings.TakeAnswered(ping.Id);
            }
        }
    }
}
