using System.Text.Json.Nodes;

namespace PortForward.Testing;

/// <summary>An endpoint of a slice. A condition that is null is left out, as by whoever writes slices by hand.</summary>
/// <param name="Address">The address.</param>
/// <param name="Ready">Whether it takes connections.</param>
/// <param name="Serving">Whether it could, even if it is terminating.</param>
/// <param name="Terminating">Whether it is terminating.</param>
public sealed record TestEndpoint(string Address, bool? Ready = null, bool? Serving = null, bool? Terminating = null)
{
    /// <summary>The pod that it names; null for none.</summary>
    public (string Namespace, string Name, string? Uid)? Pod { get; init; }

    /// <summary>An endpoint with the address of a pod, which it names too.</summary>
    public static TestEndpoint Of(TestPod pod, bool? ready = null, bool? serving = null, bool? terminating = null)
    {
        ArgumentNullException.ThrowIfNull(pod);
        return new TestEndpoint(pod.Address, ready, serving, terminating) { Pod = (pod.Namespace, pod.Name, pod.Uid) };
    }

    /// <summary>An endpoint with the address of a pod, which it does not name.</summary>
    public static TestEndpoint At(TestPod pod)
    {
        ArgumentNullException.ThrowIfNull(pod);
        return new TestEndpoint(pod.Address);
    }

    internal JsonObject ToJson()
    {
        var conditions = new JsonObject();
        foreach (var (name, value) in new[] { ("ready", Ready), ("serving", Serving), ("terminating", Terminating) })
        {
            if (value is not null)
                conditions[name] = value;
        }

        // The server writes the conditions even when there are none.
        var json = new JsonObject { ["addresses"] = new JsonArray(Address), ["conditions"] = conditions };
        if (Pod is { } pod)
        {
            json["targetRef"] = new JsonObject { ["kind"] = "Pod", ["namespace"] = pod.Namespace, ["name"] = pod.Name };
            if (pod.Uid is not null)
                json["targetRef"]!["uid"] = pod.Uid;
        }

        return json;
    }
}
