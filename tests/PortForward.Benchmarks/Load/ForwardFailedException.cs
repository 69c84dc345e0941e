namespace PortForward.Benchmarks.Load;

/// <summary>A forward did not do what it was asked to, so that there is nothing to measure. The message says what happened.</summary>
internal sealed class ForwardFailedException(string message, Exception? inner = null) : Exception(message, inner);
