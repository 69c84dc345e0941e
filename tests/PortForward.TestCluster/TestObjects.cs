using System.Globalization;
using System.Text.Json.Nodes;

namespace PortForward.Testing;

/// <summary>A port of a service.</summary>
/// <param name="Port">The number.</param>
/// <param name="Name">The name, or null.</param>
/// <param name="TargetPort">A number or a name of a container port; null stands for the port itself.</param>
/// <param name="Protocol">TCP, UDP or SCTP.</param>
public sealed record ServicePort(int Port, string? Name = null, string? TargetPort = null, string Protocol = "TCP");

/// <summary>Objects for <see cref="TestCluster.Add"/>. Label sets are given as <c>"app=web,tier=front"</c>.</summary>
public static class TestObjects
{
    public static JsonObject Namespace(string name) =>
        Object("v1", "Namespace", name, null, status: new JsonObject { ["phase"] = "Active" });

    public static JsonObject Node(string name) => Object("v1", "Node", name, null, spec: []);

    /// <summary>A service; a null selector leaves it without one, a clusterIP <c>None</c> makes it headless.</summary>
    public static JsonObject Service(string name, string? selector, params ServicePort[] ports) =>
        Service(name, selector, "10.96.0.10", ports);

    /// <summary>A service with a cluster IP of choice, <c>None</c> for a headless one.</summary>
    public static JsonObject Service(string name, string? selector, string clusterIP, ServicePort[] ports, string inNamespace = "default")
    {
        ArgumentNullException.ThrowIfNull(ports);
        var spec = new JsonObject { ["clusterIP"] = clusterIP, ["clusterIPs"] = new JsonArray(clusterIP), ["type"] = "ClusterIP" };
        if (selector is not null)
            spec["selector"] = Labels(selector);
        spec["ports"] = new JsonArray([.. ports.Select(port => (JsonNode)PortObject(port))]);
        return Object("v1", "Service", name, inNamespace, spec: spec);
    }

    /// <summary>
    /// A slice of the endpoints of a service. Of its ports only names and target ports count, which are numbers; a target port of null leaves the number out.
    /// </summary>
    public static JsonObject EndpointSlice(string name, string service, ServicePort[] ports, TestEndpoint[] endpoints, string inNamespace = "default")
    {
        ArgumentNullException.ThrowIfNull(ports);
        ArgumentNullException.ThrowIfNull(endpoints);
        var json = Object("discovery.k8s.io/v1", "EndpointSlice", name, inNamespace);
        json.Remove("status");
        json["metadata"]!["labels"] = new JsonObject { ["kubernetes.io/service-name"] = service };
        json["addressType"] = endpoints is [{ Address: var first }, ..] && first.Contains(':', StringComparison.Ordinal) ? "IPv6" : "IPv4";

        // Empty lists are null from a real server, and fields that were left out are filled in.
        json["endpoints"] = endpoints.Length == 0 ? null : new JsonArray([.. endpoints.Select(endpoint => (JsonNode)endpoint.ToJson())]);
        json["ports"] = ports.Length == 0 ? null : new JsonArray([.. ports.Select(port => (JsonNode)EndpointPortObject(port))]);
        return json;
    }

    public static JsonObject Deployment(string name, string selector, string inNamespace = "default", int revision = 1) =>
        Edit(Workload("apps/v1", "Deployment", name, selector, inNamespace), json =>
            json["metadata"]!["annotations"] = new JsonObject { ["deployment.kubernetes.io/revision"] = revision.ToString() });

    /// <summary>A replica set; the revision is that of the deployment that owns it.</summary>
    public static JsonObject ReplicaSet(string name, string selector, string ownedBy, string inNamespace = "default", int revision = 1) =>
        Edit(Workload("apps/v1", "ReplicaSet", name, selector, inNamespace), json =>
        {
            json["metadata"]!["annotations"] = new JsonObject { ["deployment.kubernetes.io/revision"] = revision.ToString() };
            json["metadata"]!["ownerReferences"] = new JsonArray(new JsonObject
            {
                ["apiVersion"] = "apps/v1",
                ["kind"] = "Deployment",
                ["name"] = ownedBy,
                ["uid"] = Guid.NewGuid().ToString(),
                ["controller"] = true,
            });
        });

    public static JsonObject StatefulSet(string name, string selector, string inNamespace = "default") =>
        Edit(Workload("apps/v1", "StatefulSet", name, selector, inNamespace), json => json["spec"]!["serviceName"] = name);

    public static JsonObject DaemonSet(string name, string selector, string inNamespace = "default") =>
        Edit(Workload("apps/v1", "DaemonSet", name, selector, inNamespace), json => ((JsonObject)json["spec"]!).Remove("replicas"));

    public static JsonObject Job(string name, string selector, string inNamespace = "default") =>
        Edit(Workload("batch/v1", "Job", name, selector, inNamespace), json => ((JsonObject)json["spec"]!).Remove("replicas"));

    public static JsonObject ReplicationController(string name, string selector, string inNamespace = "default") =>
        Edit(Workload("v1", "ReplicationController", name, selector, inNamespace), json => json["spec"]!["selector"] = Labels(selector));

    private static JsonObject Workload(string apiVersion, string kind, string name, string selector, string inNamespace) =>
        Object(apiVersion, kind, name, inNamespace, spec: new JsonObject
        {
            ["replicas"] = 1,
            ["selector"] = new JsonObject { ["matchLabels"] = Labels(selector) },
            ["template"] = new JsonObject
            {
                ["metadata"] = new JsonObject { ["labels"] = Labels(selector) },
                ["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "main", ["image"] = "test/app:1", ["resources"] = new JsonObject() }) },
            },
        });

    private static JsonObject Object(string apiVersion, string kind, string name, string? inNamespace, JsonObject? spec = null, JsonObject? status = null)
    {
        var metadata = new JsonObject { ["name"] = name };
        if (inNamespace is not null)
            metadata["namespace"] = inNamespace;
        var json = new JsonObject { ["apiVersion"] = apiVersion, ["kind"] = kind, ["metadata"] = metadata };
        if (spec is not null)
            json["spec"] = spec;
        json["status"] = status ?? [];
        return json;
    }

    private static JsonObject PortObject(ServicePort port)
    {
        var json = new JsonObject();
        if (port.Name is not null)
            json["name"] = port.Name;
        json["protocol"] = port.Protocol;
        json["port"] = port.Port;

        // The API server fills the field in where it was left out.
        json["targetPort"] = port.TargetPort is null ? JsonValue.Create(port.Port)
            : int.TryParse(port.TargetPort, out var number) ? JsonValue.Create(number) : JsonValue.Create(port.TargetPort);
        return json;
    }

    private static JsonObject EndpointPortObject(ServicePort port)
    {
        var json = new JsonObject { ["name"] = port.Name ?? "" };
        if (port.TargetPort is not null)
            json["port"] = int.Parse(port.TargetPort, CultureInfo.InvariantCulture);
        json["protocol"] = port.Protocol;
        return json;
    }

    private static JsonObject Labels(string text)
    {
        var labels = new JsonObject();
        foreach (var pair in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = pair.Split('=', 2);
            labels[parts[0].Trim()] = parts.Length == 2 ? parts[1].Trim() : "";
        }

        return labels;
    }

    private static JsonObject Edit(JsonObject json, Action<JsonObject> edit)
    {
        edit(json);
        return json;
    }
}
