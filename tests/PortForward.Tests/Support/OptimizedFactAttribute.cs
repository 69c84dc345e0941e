using System.Diagnostics;
using System.Reflection;
using PortForward.Spdy;

namespace PortForward.Tests.Support;

/// <summary>A test of what only optimised code promises: in a Debug build every asynchronous method allocates its state.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OptimizedFactAttribute : FactAttribute
{
    public OptimizedFactAttribute() =>
        Skip = typeof(SpdySession).Assembly.GetCustomAttribute<DebuggableAttribute>() is { IsJITOptimizerDisabled: true } ? "Holds in optimised code only: run it with -c Release." : null;
}
