using k8s;
using k8s.Models;
using PortForward.Cluster;
using PortForward.KubernetesClient;

// The official client finds the services of a namespace, and each port named "http" is asked for its page through a forward with the same credentials.
var configuration = KubernetesClientConfiguration.BuildDefaultConfig();
using var client = new Kubernetes(configuration);
await using ClusterClient cluster = client.ToClusterClient(configuration);
using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }); // The forward is on this machine.

V1ServiceList services = await client.CoreV1.ListNamespacedServiceAsync(cluster.Namespace);
foreach (V1Service service in services.Items)
{
    if (service.Spec.Ports.Any(port => port.Name == "http"))
    {
        await using Forward forward = await cluster.ForwardAsync($"svc/{service.Name()}", ":http");
        using HttpResponseMessage answer = await http.GetAsync($"http://{forward.Host}:{forward.Port}/");
        Console.WriteLine($"{service.Name()}: {(int)answer.StatusCode}");
    }
}
