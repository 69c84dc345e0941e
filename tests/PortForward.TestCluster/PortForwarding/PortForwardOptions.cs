namespace PortForward.Testing.PortForwarding;

/// <summary>How the error stream ends when the application could not be reached or failed.</summary>
public enum ErrorEnding
{
    /// <summary>The message, then FIN.</summary>
    MessageThenFin,

    /// <summary>The message, then RST_STREAM.</summary>
    MessageThenReset,

    /// <summary>RST_STREAM without a word.</summary>
    ResetAlone,
}

/// <summary>Whose copy loop stands between the tunnel and the application.</summary>
public enum ContainerRuntime
{
    /// <summary>containerd and CRI-O: never a half-close; one second after the first end both directions are over.</summary>
    Containerd,

    /// <summary>cri-dockerd with socat: each direction ends by itself.</summary>
    CriDockerd,
}

/// <summary>The habits and times of the container runtime's streaming server. All may be changed while the cluster runs.</summary>
public sealed class PortForwardOptions
{
    /// <summary>The clock of every time below.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>What the second direction gets after the first has ended. The runtimes': 1 s.</summary>
    public TimeSpan GraceAfterFirstEnd { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long one stream of a pair waits for the other. The runtimes': 30 s.</summary>
    public TimeSpan PairTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>When a session without a frame in either direction ends. The runtimes': 4 h.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromHours(4);

    /// <summary>How failures end; real servers do all three.</summary>
    public ErrorEnding ErrorEnding { get; set; }

    /// <summary>
    /// Whether the runtime answers streams, in tunnels that are opened from now on. One that is stuck answers PINGs, and nothing else: no SYN_REPLY, no data, no end.
    /// </summary>
    public bool AnswersStreams { get; set; } = true;

    /// <summary>Which copy loop runs.</summary>
    public ContainerRuntime Runtime { get; set; }
}
