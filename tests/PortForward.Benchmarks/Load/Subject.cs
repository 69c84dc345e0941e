namespace PortForward.Benchmarks.Load;

/// <summary>What is measured: a program, and what it is to forward to.</summary>
/// <param name="Program">The program.</param>
/// <param name="Kubeconfig">Leads to the cluster, near by or far away.</param>
/// <param name="Target">The pod, as on a command line; it runs the test applications.</param>
/// <param name="RoundTrip">How far away the cluster is.</param>
internal sealed record Subject(ForwardProgram Program, string Kubeconfig, string Target, TimeSpan RoundTrip)
{
    /// <summary>What a forward may do unasked after its start, such as dial ahead, is over after this.</summary>
    private TimeSpan SettlingTime => TimeSpan.FromMilliseconds(500) + (8 * RoundTrip);

    /// <summary>Starts a forward.</summary>
    public Task<ForwardProcess> StartAsync(params IReadOnlyList<int> ports) => ForwardProcess.StartAsync(Program, Kubeconfig, Target, ports);

    /// <summary>Starts a forward and lets it come to rest.</summary>
    public async Task<ForwardProcess> StartSettledAsync(params IReadOnlyList<int> ports)
    {
        var forward = await StartAsync(ports);
        await SettleAsync();
        return forward;
    }

    /// <summary>Lets a forward come to rest.</summary>
    public Task SettleAsync() => Task.Delay(SettlingTime);
}
