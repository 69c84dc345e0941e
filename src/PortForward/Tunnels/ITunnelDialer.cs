namespace PortForward.Tunnels;

/// <summary>Opens tunnels to one pod over one transport.</summary>
internal interface ITunnelDialer
{
    /// <summary>The transport's name, for messages: <c>websocket</c>, <c>spdy</c> or <c>channel</c>.</summary>
    string Transport { get; }

    /// <summary>
    /// Completes when a server has accepted an upgrade, before it is proven that bytes get through: the pod exists, and the user has the right. Never completes
    /// for dialers that need no such proof.
    /// </summary>
    Task Accepted => Task.Delay(Timeout.Infinite);

    /// <summary>Opens a tunnel.</summary>
    /// <returns>The tunnel, or why there is none.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    Task<Attempt<ITunnel>> DialAsync(CancellationToken cancellationToken);
}
