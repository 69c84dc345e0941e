using System.Globalization;
using System.Net;
using PortForward.Tests.Support;
using PortForward.Tunnels;
using PortForward.Tunnels.Pool;

namespace PortForward.Tests.Tunnels.Pool;

/// <summary>
/// A seeded random script of what can happen to a pool: connections come, go and lose patience, dials succeed and fail, tunnels fall silent, block and die, time
/// passes. After each step everything comes to rest, and a line records what has come of it.
/// </summary>
internal sealed class PoolScript : IAsyncDisposable
{
    private static readonly double[] Passing = [0.001, 0.011, 0.053, 0.211, 0.503, 1.009, 2.003, 5.011, 20.011, 61.007];

    private static readonly TunnelFault[] Faults =
    [
        new(TunnelFaultKind.Unreachable, "unreachable"),
        new(TunnelFaultKind.Refused, "no such pod") { StatusCode = HttpStatusCode.NotFound },
        new(TunnelFaultKind.Refused, "too many") { StatusCode = HttpStatusCode.TooManyRequests, RetryAfter = TimeSpan.FromSeconds(3) },
        new(TunnelFaultKind.Refused, "forbidden") { StatusCode = HttpStatusCode.Forbidden },
    ];

    private readonly Random _random;
    private readonly SteppedTime _time = new();
    private readonly ThreadPoolRest _rest = new();
    private readonly TunnelPool _pool;
    private readonly List<TaskCompletionSource<Attempt<ITunnel>>> _dials = [];
    private readonly List<FakeTunnel> _tunnels = [];
    private readonly List<Connection> _connections = [];
    private readonly Dictionary<FakeTunnel, TaskCompletionSource<bool>> _blocked = [];
    private readonly List<string> _signals = [];
    private readonly Lock _gate = new();
    private int _dialsBegun;

    public PoolScript(int seed, int maxTunnels, int minimumIdle)
    {
        _random = new Random(seed);
        _pool = new TunnelPool(
            new Dialer(this),
            new TunnelPoolOptions
            {
                MaxTunnels = maxTunnels,
                MinimumIdle = minimumIdle,
                Time = _time,
                OnLost = loss => Signal($"lost, {loss.Alive} left{(loss.HasServed ? ", served" : "")}{(loss.Fault is { } fault ? $", {fault.Message}" : "")}"),
                OnSaturated = () => Signal("saturated"),
            });
    }

    /// <summary>Runs a number of steps and gives a line for each.</summary>
    public IEnumerable<string> Run(int steps)
    {
        for (int step = 1; step <= steps; step++)
        {
            int dialsBefore = _dialsBegun;
            int[] disposedBefore = Disposed();
            string action = Act();
            _rest.Wait();
            yield return Line(step, action, _dialsBegun - dialsBefore, [.. Disposed().Except(disposedBefore)]);
        }
    }

    public ValueTask DisposeAsync() => _pool.DisposeAsync();

    private string Act()
    {
        while (true)
        {
            if (_random.Next(100) switch
            {
                < 17 => Arrive(),
                < 20 => Connect(),
                < 23 => LosePatience(),
                < 41 => AnswerDial(),
                < 63 => End(),
                < 67 => TakeLate(),
                < 70 => Block(),
                < 73 => Unblock(),
                < 77 => Die(),
                < 80 => FallSilent(),
                < 85 => AnswerPing(),
                _ => Pass(),
            } is { } action)
            {
                return action;
            }
        }
    }

    private string Arrive()
    {
        var connection = new Connection(_connections.Count + 1);
        connection.Opening = _pool.OpenPairAsync(80, default, connection.Patience.Token).AsTask();
        _connections.Add(connection);
        return $"{connection} comes";
    }

    private string Connect()
    {
        var connection = new Connection(_connections.Count + 1);
        connection.Connecting = _pool.ConnectAsync(connection.Patience.Token);
        _connections.Add(connection);
        return $"{connection} only asks for a tunnel";
    }

    private string? LosePatience()
    {
        if (Any(_connections.Where(connection => connection.Waits)) is not { } connection)
        {
            return null;
        }

        connection.Patience.Cancel();
        return $"{connection} loses patience";
    }

    private string? AnswerDial()
    {
        TaskCompletionSource<Attempt<ITunnel>>? dial;
        lock (_gate)
        {
            dial = _dials.Find(dial => !dial.Task.IsCompleted);
        }

        if (dial is null)
        {
            return null;
        }

        if (_random.Next(4) == 0)
        {
            TunnelFault fault = Faults[_random.Next(Faults.Length)];
            dial.SetResult(new Attempt<ITunnel>(fault));
            return $"a dial fails: {fault.Message}";
        }

        var tunnel = new FakeTunnel { NextPong = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously) };
        _tunnels.Add(tunnel);
        dial.SetResult(new Attempt<ITunnel>(tunnel));
        return $"a dial brings t{_tunnels.Count}";
    }

    /// <summary>A connection ends: as a rule gracefully and read by the pod, sometimes not read yet.</summary>
    private string? End()
    {
        if (Any(_connections.Where(connection => connection.Pair is not null)) is not { } connection)
        {
            return null;
        }

        FakePair inner = connection.Inner!;
        int way = _random.Next(6);
        if (way == 1)
        {
            connection.Pair!.CloseByClient();
        }
        else if (way == 2)
        {
            inner.LeaveUnanswered();
        }

        bool isTaken = way > 1;
        if (isTaken)
        {
            inner.Complete();
        }

        connection.Pair!.DisposeAsync().AsTask().GetAwaiter().GetResult();
        connection.Pair = null;
        connection.IsTaken = isTaken;
        return $"{connection} ends{(way == 1 ? " by its client" : way == 2 ? " unanswered" : "")}{(isTaken ? "" : ", not read yet")}";
    }

    private string? TakeLate()
    {
        if (Any(_connections.Where(connection => connection is { IsTaken: false, Inner: not null })) is not { } connection)
        {
            return null;
        }

        connection.IsTaken = true;
        connection.Inner!.Complete();
        return $"{connection} is read";
    }

    private string? Block()
    {
        if (Any(_tunnels.Where(tunnel => tunnel.CanOpen && !_blocked.ContainsKey(tunnel))) is not { } tunnel)
        {
            return null;
        }

        _blocked[tunnel] = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        tunnel.Flow = _blocked[tunnel].Task;
        return $"{Name(tunnel)} is blocked";
    }

    private string? Unblock()
    {
        if (Any(_tunnels.Where(_blocked.ContainsKey)) is not { } tunnel)
        {
            return null;
        }

        _blocked.Remove(tunnel, out TaskCompletionSource<bool>? flow);
        tunnel.Flow = Task.FromResult(true);
        flow!.SetResult(true);
        return $"{Name(tunnel)} flows again";
    }

    private string? Die()
    {
        if (Any(_tunnels.Where(tunnel => tunnel.CanOpen)) is not { } tunnel)
        {
            return null;
        }

        if (_random.Next(4) == 0)
        {
            tunnel.Finish();
            return $"{Name(tunnel)} has carried all it can";
        }

        tunnel.Die();
        return $"{Name(tunnel)} dies";
    }

    private string? FallSilent()
    {
        if (Any(_tunnels.Where(tunnel => tunnel.CanOpen)) is not { } tunnel)
        {
            return null;
        }

        int way = _random.Next(3);
        if (way == 0)
        {
            tunnel.BeHeard();
        }
        else
        {
            tunnel.FallSilent(isUnresponsive: way == 2);
        }

        return $"{Name(tunnel)} {(way == 0 ? "is heard" : way == 1 ? "is silent" : "is unresponsive")}";
    }

    private string? AnswerPing()
    {
        if (Any(_tunnels.Where(tunnel => tunnel is { CanOpen: true, Pong.IsCompleted: false, Pings: > 0 })) is not { } tunnel)
        {
            return null;
        }

        TaskCompletionSource<bool> pong = tunnel.NextPong;
        tunnel.NextPong = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        pong.TrySetResult(true);
        return $"{Name(tunnel)} answers its ping";
    }

    private string Pass()
    {
        double seconds = Passing[_random.Next(Passing.Length)];
        _time.Advance(TimeSpan.FromSeconds(seconds), _rest.Wait);
        return string.Create(CultureInfo.InvariantCulture, $"{seconds:0.###} s pass");
    }

    private string Line(int step, string action, int dials, int[] disposed)
    {
        List<string> outcomes = [];
        foreach (Connection connection in _connections)
        {
            if (connection.Opening is { IsCompleted: true } opening)
            {
                connection.Opening = null;
                outcomes.Add($"{connection} {Tell(connection, opening)}");
            }

            if (connection.Connecting is { IsCompleted: true } connecting)
            {
                connection.Connecting = null;
                outcomes.Add($"{connection} {(connecting.IsCanceled ? "is gone" : connecting.Result is { } fault ? $"is told: {fault.Message}" : "is told of a tunnel")}");
            }
        }

        lock (_gate)
        {
            outcomes.AddRange(_signals);
            _signals.Clear();
        }

        outcomes.AddRange(disposed.Select(tunnel => $"t{tunnel} is dropped"));
        int pings = _tunnels.Sum(tunnel => tunnel.Pings);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{step}: {action} -> {(dials == 0 ? "" : $"{dials} dialled; ")}{string.Concat(outcomes.Select(outcome => outcome + "; "))}idle {_pool.IdleCount}, busy {_pool.BusyCount}, pings {pings}");
    }

    private string Tell(Connection connection, Task<Attempt<IStreamPair>> opening)
    {
        if (opening.IsCanceled)
        {
            return "is gone";
        }

        if (!opening.Result.Succeeded(out IStreamPair? pair, out TunnelFault? fault))
        {
            return $"is told: {fault.Message}";
        }

        FakeTunnel tunnel = _tunnels.Single(tunnel => tunnel.Pairs.Any(inner => inner.Input == pair.Input));
        (connection.Pair, connection.Inner) = (pair, tunnel.Pairs.Single(inner => inner.Input == pair.Input));
        return $"gets {Name(tunnel)}";
    }

    private int[] Disposed() => [.. Enumerable.Range(1, _tunnels.Count).Where(number => _tunnels[number - 1].Disposals > 0)];

    private string Name(FakeTunnel tunnel) => $"t{_tunnels.IndexOf(tunnel) + 1}";

    private T? Any<T>(IEnumerable<T> candidates)
        where T : class
    {
        T[] all = [.. candidates];
        return all.Length == 0 ? null : all[_random.Next(all.Length)];
    }

    private void Signal(string text)
    {
        lock (_gate)
        {
            _signals.Add(text);
        }
    }

    private sealed class Connection(int number)
    {
        public CancellationTokenSource Patience { get; } = new();

        public Task<Attempt<IStreamPair>>? Opening { get; set; }

        public Task<TunnelFault?>? Connecting { get; set; }

        public IStreamPair? Pair { get; set; }

        public FakePair? Inner { get; set; }

        public bool IsTaken { get; set; } = true;

        public bool Waits => Opening is not null || Connecting is not null;

        public override string ToString() => $"c{number}";
    }

    private sealed class Dialer(PoolScript script) : ITunnelDialer
    {
        public string Transport => "script";

        public Task<Attempt<ITunnel>> DialAsync(CancellationToken cancellationToken)
        {
            var dial = new TaskCompletionSource<Attempt<ITunnel>>(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (script._gate)
            {
                script._dialsBegun++;
                script._dials.Add(dial);
            }

            cancellationToken.UnsafeRegister(_ => dial.TrySetCanceled(cancellationToken), null);
            return dial.Task;
        }
    }
}
