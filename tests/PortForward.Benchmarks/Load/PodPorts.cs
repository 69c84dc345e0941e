namespace PortForward.Benchmarks.Load;

/// <summary>The test applications that the pod runs, by their ports. Those of the embedded cluster's pods behave alike.</summary>
internal static class PodPorts
{
    /// <summary>Sends back what it gets.</summary>
    public const int Echo = 7000;

    /// <summary>Takes a number in a line, and sends that many bytes.</summary>
    public const int Source = 7001;

    /// <summary>HTTP/1.1: <c>/</c> answers a line; the bodies of requests are read and thrown away.</summary>
    public const int Http = 8080;
}
