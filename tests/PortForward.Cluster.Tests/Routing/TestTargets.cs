using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;

namespace PortForward.Cluster.Tests.Routing;

/// <summary>Targets and pods as the router knows them, without a cluster.</summary>
internal static class TestTargets
{
    public static TargetObject Deployment { get; } = new(TargetReference.Parse("deploy/web"), "default") { Selector = "app=web" };

    public static TargetObject FinishedJob { get; } = new(TargetReference.Parse("job/web"), "default") { Selector = "app=web", IsFinished = true };

    public static TargetObject Pod(string name) => new(TargetReference.Parse($"pod/{name}"), "default");

    /// <summary>
    /// Makes a pod of "name:state", where the state is one of ready, unready, terminating, dying (terminating and unready), pending and over; "#2" behind it
    /// makes another uid.
    /// </summary>
    public static Pod Parse(string text)
    {
        string[] parts = text.Split(':', '#');
        string name = parts[0];
        string state = parts[1];
        return new Pod
        {
            Metadata = new ObjectMeta
            {
                Name = name,
                Uid = parts.Length > 2 ? $"{name}#{parts[2]}" : name,
                DeletionTimestamp = state is "terminating" or "dying" ? DateTime.UnixEpoch : null,
            },
            Status = new PodStatus
            {
                Phase = state switch
                {
                    "pending" => "Pending",
                    "over" => "Succeeded",
                    _ => "Running",
                },
                Conditions = [new Condition { Type = "Ready", Status = state is "ready" or "terminating" ? "True" : "False" }],
            },
        };
    }
}
