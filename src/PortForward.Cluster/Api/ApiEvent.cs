namespace PortForward.Cluster.Api;

/// <summary>What happened to an object.</summary>
internal enum ApiEventType
{
    /// <summary>It came into being, or began to match.</summary>
    Added,

    /// <summary>It changed.</summary>
    Modified,

    /// <summary>It is gone, or no longer matches.</summary>
    Deleted,

    /// <summary>Nothing; the event only carries a newer resource version to begin again from.</summary>
    Bookmark,
}

/// <summary>One event of a watch.</summary>
/// <typeparam name="T">The object's type.</typeparam>
/// <param name="Type">What happened.</param>
/// <param name="Object">The object after it happened; of a bookmark only the resource version is set.</param>
internal sealed record ApiEvent<T>(ApiEventType Type, T Object);
