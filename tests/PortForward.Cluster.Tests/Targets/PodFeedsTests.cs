using PortForward.Cluster.Api;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;
using PortForward.Cluster.Tests.Kubeconfig;
using PortForward.Testing;

namespace PortForward.Cluster.Tests.Targets;

/// <summary>How many watches there are for how many targets.</summary>
public sealed class PodFeedsTests : IAsyncLifetime
{
    private readonly HomeFolder _home = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Followed> _followed = [];
    private TestCluster _cluster = null!;
    private ClusterConnection _connection = null!;
    private PodFeeds _feeds = null!;

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        _cluster.WriteKubeconfig(_home["config"]);
        _connection = new ClusterConnection(ClusterConfiguration.Resolve(MergedKubeconfig.Load(_home["config"]), new ClusterOverrides(), TimeProvider.System));
        _feeds = new PodFeeds(new ApiClient(_connection.Invoker, _connection.Server), TimeProvider.System, logger: null);
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_followed.Select(followed => followed.Run)).Soon();
        await Waiting.UntilAsync(() => _feeds.Watches == 0);
        _connection.Dispose();
        await _cluster.DisposeAsync();
        _home.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task Beyond_sixteen_watches_pods_are_listed_again_and_again()
    {
        for (int i = 0; i < 18; i++)
        {
            AddPod($"team-{i}", "web");
            Follow($"team-{i}", "web");
        }

        await Waiting.UntilAsync(() => _followed.TrueForAll(followed => followed.Pods is ["web"]));
        await _cluster.Activity.WaitUntilAsync(now => now.Watches == PodFeeds.MostWatches);
        _feeds.Watches.Should().Be(PodFeeds.MostWatches);

        AddPod("team-0", "web", generation: 2);
        AddPod("team-17", "web", generation: 2);
        await Waiting.UntilAsync(() => _followed[0].Changes >= 2 && _followed[17].Changes >= 2);
    }

    [Fact]
    public async Task Four_targets_of_a_namespace_share_a_watch_and_see_only_their_own_pods()
    {
        for (int i = 0; i < 4; i++)
        {
            AddPod("shop", $"web-{i}");
            Follow("shop", $"web-{i}");
        }

        await Waiting.UntilAsync(() => _followed.TrueForAll(followed => followed.Pods is [_]));
        await _cluster.Activity.WaitUntilAsync(now => now.Watches == 1);
        int[] before = [.. _followed.Select(followed => followed.Changes)];

        AddPod("shop", "web-2", generation: 2);
        await Waiting.UntilAsync(() => _followed[2].Changes == before[2] + 1);

        _followed.Select(followed => followed.Changes).Should().Equal(before[0], before[1], before[2] + 1, before[3]);
        _followed.Select(followed => followed.Pods!.Single()).Should().Equal("web-0", "web-1", "web-2", "web-3");
    }

    [Fact]
    public async Task In_a_namespace_of_more_than_five_hundred_pods_each_target_has_a_watch_of_its_own()
    {
        for (int i = 0; i < 501; i++)
        {
            AddPod("shop", $"web-{i}");
        }

        for (int i = 0; i < 5; i++)
        {
            Follow("shop", $"web-{i}");
        }

        await Waiting.UntilAsync(() => _followed.TrueForAll(followed => followed.Pods is [_]));
        await _cluster.Activity.WaitUntilAsync(now => now.Watches == 5);
    }

    [Fact]
    public async Task A_shared_watch_that_is_renewed_tells_what_has_changed_meanwhile()
    {
        using (_feeds.Expect("shop", 4))
        {
            AddPod("shop", "web");
            Follow("shop", "web");
            await Waiting.UntilAsync(() => _followed[0].Pods is ["web"]);
            await _cluster.Activity.WaitUntilAsync(now => now.Watches == 1);
        }

        _cluster.Tunnels.CutAll();
        _feeds.Renew("shop");
        AddPod("shop", "web", generation: 2);
        await Waiting.UntilAsync(() => _followed[0].Changes >= 2);
    }

    private void AddPod(string @namespace, string name, int generation = 1) => _cluster.Add(new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Pod",
        ["metadata"] = new System.Text.Json.Nodes.JsonObject
        {
            ["name"] = name,
            ["namespace"] = @namespace,
            ["labels"] = new System.Text.Json.Nodes.JsonObject { ["app"] = name },
            ["annotations"] = new System.Text.Json.Nodes.JsonObject { ["generation"] = $"{generation}" },
        },
    });

    private void Follow(string @namespace, string name)
    {
        var followed = new Followed();
        var target = new TargetObject(new TargetReference(TargetKind.Service, name), @namespace)
        {
            Selector = $"app={name}",
            Labels = new LabelSelector { MatchLabels = new Dictionary<string, string>(StringComparer.Ordinal) { ["app"] = name } },
        };
        _followed.Add(followed);
        followed.Run = Task.Run(async () =>
        {
            try
            {
                await foreach (IReadOnlyCollection<Pod> pods in _feeds.Of(target).FollowAsync(_stop.Token))
                {
                    followed.Pods = [.. pods.Select(pod => pod.Metadata!.Name)];
                    followed.Changes++;
                }
            }
            catch (OperationCanceledException)
            {
                // The test is over.
            }
        });
    }

    /// <summary>What is known of a target.</summary>
    private sealed class Followed
    {
        public volatile string?[]? Pods;
        public volatile int Changes;

        public Task Run { get; set; } = Task.CompletedTask;
    }
}
