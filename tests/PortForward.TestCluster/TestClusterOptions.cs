namespace PortForward.Testing;

/// <summary>What is decided before the cluster starts.</summary>
public sealed class TestClusterOptions
{
    /// <summary>The version that the server claims to be; it decides which transports it knows and which verbs they need.</summary>
    public Version Kubernetes { get; init; } = new(1, 36, 0);

    /// <summary>The names in the server's certificate. Others than these make it a certificate for another host.</summary>
    public IReadOnlyList<string> CertificateNames { get; init; } = ["127.0.0.1", "::1", "localhost"];

    /// <summary>A path, e.g. <c>/clusters/one</c>, under which the whole API is served too, as by a proxy in front of several clusters.</summary>
    public string PathPrefix { get; init; } = "";

    /// <summary>Serves plain HTTP instead of TLS.</summary>
    public bool PlainHttp { get; init; }

    /// <summary>Listens on ::1 too, on the same port.</summary>
    public bool ListenOnIPv6 { get; init; }

    /// <summary>The port; 0 leaves the choice to the system.</summary>
    public int Port { get; init; }

    /// <summary>When a connection on which no request was ever sent is closed, counted from the accept. The API server's <c>ReadHeaderTimeout</c>: 32 s.</summary>
    public TimeSpan UnusedConnectionLimit { get; init; } = TimeSpan.FromSeconds(32);

    /// <summary>When a connection that has served a request is closed, counted from the last answer. The API server's <c>IdleTimeout</c>: 90 s.</summary>
    public TimeSpan IdleConnectionLimit { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>The clock for everything that the cluster times, the runtime's second included.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
