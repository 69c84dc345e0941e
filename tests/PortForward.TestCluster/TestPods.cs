using System.Collections.Concurrent;

namespace PortForward.Testing;

/// <summary>The pods of a cluster.</summary>
public sealed class TestPods
{
    private readonly ConcurrentDictionary<(string Namespace, string Name), TestPod> _pods = new();
    private readonly List<Action<TestPod>> _afterDeletion = [];
    private readonly TestCluster _cluster;
    private int _addresses;

    internal TestPods(TestCluster cluster) => _cluster = cluster;

    /// <summary>Adds a pod: its applications start, its object appears to readers and watchers.</summary>
    /// <exception cref="ArgumentException">There is one of this name already.</exception>
    public TestPod Add(TestPod pod)
    {
        ArgumentNullException.ThrowIfNull(pod);
        if (!_pods.TryAdd((pod.Namespace, pod.Name), pod))
            throw new ArgumentException($"There is a pod {pod.Namespace}/{pod.Name} already.", nameof(pod));
        pod.AddTo(_cluster);
        return pod;
    }

    /// <summary>Runs an action after each deletion of a pod, e.g. one that adds a successor. To be called before anything is deleted.</summary>
    public void AfterDeletion(Action<TestPod> action) => _afterDeletion.Add(action);

    /// <summary>The pod of that name, or null.</summary>
    public TestPod? Find(string name, string podNamespace = "default") => _pods.GetValueOrDefault((podNamespace, name));

    internal string NextAddress()
    {
        var number = Interlocked.Increment(ref _addresses);
        return $"10.244.{number / 250 % 250}.{1 + (number % 250)}";
    }

    internal void Forget(TestPod pod)
    {
        if (!_pods.TryRemove(KeyValuePair.Create((pod.Namespace, pod.Name), pod)))
            return;
        _cluster.Objects.Delete("pods", pod.Namespace, pod.Name);
        foreach (var action in _afterDeletion)
            action(pod);
    }

    internal void StopAll()
    {
        foreach (var pod in _pods.Values)
            pod.Applications.KillAll();
    }
}
