namespace PortForward.Cli.Output;

/// <summary>Which forward an event is about.</summary>
/// <param name="Name">The forward's name.</param>
/// <param name="Target">The target, as <c>service/web</c>.</param>
/// <param name="Namespace">The namespace of the target.</param>
/// <param name="Context">The context of the kubeconfig; null if there is none.</param>
internal sealed record ForwardIdentity(string Name, string Target, string Namespace, string? Context);
