using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Time.Testing;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Tests.Transport;

public class AddressRaceTests
{
    private static readonly IPAddress[] Six = [IPAddress.Parse("fd00::1"), IPAddress.Parse("fd00::2"), IPAddress.Parse("fd00::3")];
    private static readonly IPAddress[] Four = [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("10.0.0.2")];

    private readonly FakeTimeProvider _time = new();
    private readonly List<Attempt> _attempts = [];

    [Fact]
    public void The_families_take_turns_beginning_with_the_preferred_one()
    {
        AddressRace.Interleave([.. Six, .. Four]).Should().Equal(Six[0], Four[0], Six[1], Four[1], Six[2]);
        AddressRace.Interleave([Four[0], .. Six, Four[1]]).Should().Equal(Four[0], Six[0], Four[1], Six[1], Six[2]);
    }

    [Fact]
    public async Task The_second_address_has_its_turn_when_the_first_is_silent()
    {
        Task<Connection> race = RunAsync(Six[0], Four[0]);
        _attempts.Should().ContainSingle();
        _time.Advance(AddressRace.AttemptDelay - TimeSpan.FromMilliseconds(1));
        _attempts.Should().ContainSingle();
        _time.Advance(TimeSpan.FromMilliseconds(1));
        (await AttemptAsync(1)).Succeed();

        (await race).Address.Should().Be(Four[0]);
        _attempts[0].Token.IsCancellationRequested.Should().BeTrue();
    }

    [Fact]
    public async Task A_failure_gives_the_next_address_its_turn_at_once()
    {
        Task<Connection> race = RunAsync(Six[0], Four[0]);
        _attempts[0].Fail(SocketError.NetworkUnreachable);
        (await AttemptAsync(1)).Succeed();

        (await race).Address.Should().Be(Four[0]);
    }

    [Fact]
    public async Task The_first_one_may_still_win()
    {
        Task<Connection> race = RunAsync(Six[0], Four[0]);
        _time.Advance(AddressRace.AttemptDelay);
        Attempt second = await AttemptAsync(1);
        _attempts[0].Succeed();

        (await race).Address.Should().Be(Six[0]);
        Connection late = second.Succeed();
        await late.Disposed.Soon();
    }

    [Fact]
    public async Task When_all_fail_the_preferred_addresss_reason_is_told()
    {
        Task<Connection> race = RunAsync(Six[0], Four[0]);
        _attempts[0].Fail(SocketError.NetworkUnreachable);
        (await AttemptAsync(1)).Fail(SocketError.ConnectionRefused);

        Func<Task> waiting = () => race;
        (await waiting.Should().ThrowAsync<SocketException>()).Which.SocketErrorCode.Should().Be(SocketError.NetworkUnreachable);
    }

    [Fact]
    public async Task Cancelling_ends_all_attempts()
    {
        using var cancelled = new CancellationTokenSource();
        Task<Connection> race = AddressRace.RunAsync([Six[0], Four[0]], ConnectAsync, _time, cancelled.Token);
        _time.Advance(AddressRace.AttemptDelay);
        await AttemptAsync(1);
        await cancelled.CancelAsync();

        Func<Task> waiting = () => race;
        await waiting.Should().ThrowAsync<OperationCanceledException>();
        _attempts.Should().OnlyContain(attempt => attempt.Token.IsCancellationRequested);
    }

    private Task<Connection> RunAsync(params IPAddress[] addresses) => AddressRace.RunAsync(addresses, ConnectAsync, _time, CancellationToken.None);

    private Task<Connection> ConnectAsync(IPAddress address, CancellationToken cancellationToken)
    {
        var attempt = new Attempt(address, cancellationToken);
        lock (_attempts)
        {
            _attempts.Add(attempt);
        }

        return attempt.Task;
    }

    private async Task<Attempt> AttemptAsync(int index)
    {
        while (true)
        {
            lock (_attempts)
            {
                if (_attempts.Count > index)
                {
                    return _attempts[index];
                }
            }

            await Task.Yield();
        }
    }

    private sealed class Attempt(IPAddress address, CancellationToken token)
    {
        private readonly TaskCompletionSource<Connection> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public CancellationToken Token => token;

        public Task<Connection> Task => _end.Task;

        public Connection Succeed()
        {
            var connection = new Connection(address);
            _end.SetResult(connection);
            return connection;
        }

        public void Fail(SocketError error) => _end.SetException(new SocketException((int)error));
    }

    private sealed class Connection(IPAddress address) : IDisposable
    {
        private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IPAddress Address => address;

        public Task Disposed => _disposed.Task;

        public void Dispose() => _disposed.TrySetResult();
    }
}
