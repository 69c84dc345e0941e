namespace PortForward.Cli.Files;

/// <summary>The forwards that a file names, read and checked as far as that is possible without a cluster.</summary>
internal sealed record RunFile
{
    /// <summary>The file as it is shown.</summary>
    public required string Path { get; init; }

    /// <summary>The folder that its relative paths are meant from.</summary>
    public required string Folder { get; init; }

    /// <summary>Whether somebody has named it. One that was found is not trusted like a flag.</summary>
    public required bool IsNamed { get; init; }

    /// <summary>The context for all that have none of their own; null for the current one.</summary>
    public Placed? Context { get; init; }

    /// <summary>The namespace for all that have none of their own; null for the context's.</summary>
    public Placed? Namespace { get; init; }

    /// <summary>Where all listen that have no address of their own; null for localhost.</summary>
    public Placed? Address { get; init; }

    /// <summary>The forwards in their order.</summary>
    public required IReadOnlyList<RunFileForward> Forwards { get; init; }

    /// <summary>The environment variables for a command.</summary>
    public required IReadOnlyList<RunFileVariable> Variables { get; init; }

    /// <summary>The names of the groups.</summary>
    public IEnumerable<string> Groups => Forwards.SelectMany(static forward => forward.Groups).Distinct(StringComparer.Ordinal);
}

/// <summary>A forward of a file.</summary>
internal sealed record RunFileForward
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Where its name is.</summary>
    public required FilePosition At { get; init; }

    /// <summary>The target, <c>TYPE/NAME</c>.</summary>
    public required string Target { get; init; }

    /// <summary>Its ports; at least one.</summary>
    public required IReadOnlyList<Placed> Ports { get; init; }

    /// <summary>The context of this forward alone.</summary>
    public Placed? Context { get; init; }

    /// <summary>The namespace of this forward alone.</summary>
    public Placed? Namespace { get; init; }

    /// <summary>Where this forward alone listens.</summary>
    public Placed? Address { get; init; }

    /// <summary>The groups that it is in.</summary>
    public required IReadOnlyList<string> Groups { get; init; }
}

/// <summary>An environment variable of a file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">Its value, in pieces.</param>
/// <param name="At">Where its name is.</param>
internal sealed record RunFileVariable(string Name, IReadOnlyList<ValuePart> Value, FilePosition At)
{
    /// <summary>The forwards that it names.</summary>
    public IEnumerable<string> Forwards => Value.Select(static part => part.Forward).OfType<string>();
}

/// <summary>A piece of a value.</summary>
/// <param name="Text">The text; of a template with its braces.</param>
/// <param name="Forward">The forward that a template names; null if it is none.</param>
internal sealed record ValuePart(string Text, string? Forward = null);
