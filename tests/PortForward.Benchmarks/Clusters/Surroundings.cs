namespace PortForward.Benchmarks.Clusters;

/// <summary>Where it is measured: one cluster, seen from near by and from as far away as asked for.</summary>
internal sealed class Surroundings : IDisposable
{
    private readonly Dictionary<TimeSpan, DistantCluster> _distant = [];
    private readonly EmbeddedCluster? _embedded;
    private readonly string _kubectl;
    private readonly string _kubeconfig;

    private Surroundings(EmbeddedCluster? embedded, string kubeconfig, string kubectl)
    {
        _embedded = embedded;
        _kubeconfig = kubeconfig;
        _kubectl = kubectl;
    }

    /// <summary>Finds the cluster, or starts it.</summary>
    /// <param name="embedded">Whether to start the embedded one; else it is that of KUBECONFIG.</param>
    /// <param name="kubectl">Reads kubeconfig files.</param>
    public static async Task<Surroundings> CreateAsync(bool embedded, string kubectl)
    {
        if (embedded)
        {
            var cluster = await EmbeddedCluster.StartAsync();
            return new Surroundings(cluster, cluster.Kubeconfig, kubectl);
        }

        var kubeconfig = Environment.GetEnvironmentVariable("KUBECONFIG");
        return string.IsNullOrEmpty(kubeconfig)
            ? throw new InvalidOperationException("KUBECONFIG names no cluster; set it, or measure with --cluster embedded.")
            : new Surroundings(null, kubeconfig, kubectl);
    }

    /// <summary>A kubeconfig that leads to the cluster with an added round trip; the cluster's own one for zero.</summary>
    public async Task<string> KubeconfigAsync(TimeSpan roundTrip)
    {
        if (roundTrip == TimeSpan.Zero)
            return _kubeconfig;
        if (!_distant.TryGetValue(roundTrip, out var distant))
            _distant[roundTrip] = distant = await DistantCluster.CreateAsync(_kubeconfig, _kubectl, roundTrip);
        return distant.Kubeconfig;
    }

    public void Dispose()
    {
        foreach (var distant in _distant.Values)
            distant.Dispose();
        _embedded?.Dispose();
    }
}
