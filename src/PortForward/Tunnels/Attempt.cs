using System.Diagnostics.CodeAnalysis;

namespace PortForward.Tunnels;

/// <summary>What an attempt has brought, or why it has failed: exactly one of the two. Expected failures are values, not exceptions.</summary>
/// <typeparam name="T">What the attempt was to bring.</typeparam>
internal readonly record struct Attempt<T>
    where T : notnull
{
    /// <summary>An attempt that has succeeded.</summary>
    public Attempt(T value) => Value = value;

    /// <summary>An attempt that has failed.</summary>
    public Attempt(TunnelFault fault) => Fault = fault;

    /// <summary>What it has brought, owned by the caller; the type's default if it has failed.</summary>
    public T? Value { get; }

    /// <summary>Why it has failed; null if it has not.</summary>
    public TunnelFault? Fault { get; }

    /// <summary>Tells the two cases apart.</summary>
    public bool Succeeded([NotNullWhen(true)] out T? value, [NotNullWhen(false)] out TunnelFault? fault)
    {
        value = Value;
        fault = Fault;
        return fault is null;
    }
}
