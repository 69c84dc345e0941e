using System.Diagnostics;
using k8s;
using k8s.Models;
using Xunit.Abstractions;

namespace PortForward.EndToEnd;

/// <summary>Every transport on a real cluster, and what leads from one to another.</summary>
[Collection(ClusterTests.Name)]
public sealed class TransportTests(TestNamespace cluster, ITestOutputHelper output)
{
    /// <summary>What falling back may cost a start.</summary>
    private static readonly TimeSpan Allowance = TimeSpan.FromMilliseconds(100);

    private static string Kubeconfig => Environment.GetEnvironmentVariable("KUBECONFIG")!;

    [EndToEndTheory]
    [InlineData("websocket")]
    [InlineData("spdy")]
    [InlineData("channel")]
    public async Task A_transport_that_is_asked_for_carries_every_connection(string transport)
    {
        await using PfProcess pf = Start(Kubeconfig, "--verbose", "--transport", transport);
        int port = await pf.LocalPortAsync(8080);

        string[] outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => HttpLoad.RequestAsync(port, size: 1_000_000)));

        outcomes.Should().AllBe("ok");
        (await pf.ErrorLineAsync(line => line.StartsWith("ready: ", StringComparison.Ordinal))).Should().Contain($" over {transport}, ");
        output.WriteLine(string.Join('\n', pf.Error));
    }

    [EndToEndTheory]
    [InlineData("spdy")]
    [InlineData("channel")]
    public async Task An_answer_after_the_clients_end_is_whole_over_the_other_transports_too(string transport)
    {
        await using PfProcess pf = Start(Kubeconfig, "--transport", transport);

        (await HttpLoad.RequestAsync(await pf.LocalPortAsync(8080), size: 500_000_000, halfClose: true)).Should().Be("ok");
    }

    [EndToEndFact]
    public async Task The_right_to_create_is_enough_without_the_right_to_get()
    {
        string kubeconfig = await CreatorAsync();
        try
        {
            await using PfProcess quiet = Start(kubeconfig);
            (await HttpLoad.RequestAsync(await quiet.LocalPortAsync(8080))).Should().Be("ok");
            quiet.Error.Should().NotContain(line => line.Contains("transport", StringComparison.Ordinal));

            await using PfProcess verbose = Start(kubeconfig, "--verbose");
            (await HttpLoad.RequestAsync(await verbose.LocalPortAsync(8080))).Should().Be("ok");
            output.WriteLine(string.Join('\n', verbose.Error));
            verbose.Error.Should().Contain(line => line.StartsWith("transport websocket does not work here: 403 ", StringComparison.Ordinal));
            (await verbose.ErrorLineAsync(line => line.StartsWith("ready: ", StringComparison.Ordinal))).Should().Contain(" over spdy, ");
        }
        finally
        {
            File.Delete(kubeconfig);
        }
    }

    [WithoutTunnelFact]
    public async Task Where_the_API_server_knows_no_tunnel_SPDY_is_used_without_a_word_and_without_delay()
    {
        await using (PfProcess pf = Start(Kubeconfig))
        {
            (await HttpLoad.RequestAsync(await pf.LocalPortAsync(8080))).Should().Be("ok");
            pf.Error.Should().BeEmpty();
        }

        await using (PfProcess verbose = Start(Kubeconfig, "--verbose"))
        {
            (await HttpLoad.RequestAsync(await verbose.LocalPortAsync(8080))).Should().Be("ok");
            (await verbose.ErrorLineAsync(line => line.StartsWith("ready: ", StringComparison.Ordinal))).Should().Contain(" over spdy, ");
            output.WriteLine(string.Join('\n', verbose.Error));
        }

        TimeSpan direct = await MedianStartAsync("--transport", "spdy");
        TimeSpan fallback = await MedianStartAsync();
        output.WriteLine($"direct {direct.TotalMilliseconds:0} ms, with fallback {fallback.TotalMilliseconds:0} ms");
        fallback.Should().BeLessThan(direct + Allowance);
    }

    /// <summary>From the start of the program to the answer, which takes up to a second longer where the runtime tells the application's end late.</summary>
    private async Task<TimeSpan> MedianStartAsync(params string[] arguments)
    {
        const int Starts = 9;
        var times = new List<TimeSpan>();
        for (int i = 0; i < Starts; i++)
        {
            long began = Stopwatch.GetTimestamp();
            await using PfProcess pf = Start(Kubeconfig, arguments);
            (await HttpLoad.RequestAsync(await pf.LocalPortAsync(8080))).Should().Be("ok");
            times.Add(Stopwatch.GetElapsedTime(began));
        }

        return times.Order().ElementAt(Starts / 2);
    }

    /// <summary>Makes a user who may create port forwards and not get them.</summary>
    /// <returns>The path of a kubeconfig of theirs.</returns>
    private async Task<string> CreatorAsync()
    {
        const string Name = "creator";
        var metadata = new V1ObjectMeta { Name = Name };
        var role = new V1Role
        {
            Metadata = metadata,
            Rules =
            [
                new V1PolicyRule { ApiGroups = [""], Resources = ["pods"], Verbs = ["get", "list", "watch"] },
                new V1PolicyRule { ApiGroups = [""], Resources = ["pods/portforward"], Verbs = ["create"] },
                new V1PolicyRule { ApiGroups = ["apps"], Resources = ["deployments", "replicasets"], Verbs = ["get", "list"] },
            ],
        };
        var binding = new V1RoleBinding
        {
            Metadata = metadata,
            RoleRef = new V1RoleRef { ApiGroup = "rbac.authorization.k8s.io", Kind = "Role", Name = Name },
            Subjects = [new Rbacv1Subject { Kind = "ServiceAccount", Name = Name }],
        };
        await RealCluster.Client.CoreV1.CreateNamespacedServiceAccountAsync(new V1ServiceAccount { Metadata = metadata }, cluster.Name);
        await RealCluster.Client.RbacAuthorizationV1.CreateNamespacedRoleAsync(role, cluster.Name);
        await RealCluster.Client.RbacAuthorizationV1.CreateNamespacedRoleBindingAsync(binding, cluster.Name);
        Authenticationv1TokenRequest token = await RealCluster.Client.CoreV1.CreateNamespacedServiceAccountTokenAsync(
            new Authenticationv1TokenRequest { Spec = new V1TokenRequestSpec { Audiences = [] } }, Name, cluster.Name);
        string path = Path.GetTempFileName();
        await File.WriteAllTextAsync(path, RealCluster.Kubeconfig(token.Status.Token));
        return path;
    }

    private PfProcess Start(string kubeconfig, params string[] arguments) =>
        PfProcess.Start(kubeconfig, ["-n", cluster.Name, .. arguments, $"deploy/{TestNamespace.Single}", ":8080"]);
}
