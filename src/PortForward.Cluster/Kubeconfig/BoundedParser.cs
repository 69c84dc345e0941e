using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace PortForward.Cluster.Kubeconfig;

/// <summary>A YAML parser that refuses a document nested so deeply that building its tree would exhaust the stack.</summary>
internal sealed class BoundedParser(IParser parser, int maxDepth) : IParser
{
    private int _depth;

    public ParsingEvent? Current => parser.Current;

    /// <inheritdoc/>
    /// <exception cref="YamlException">The document is no YAML, or nested too deeply.</exception>
    public bool MoveNext()
    {
        if (!parser.MoveNext())
        {
            return false;
        }

        _depth += Current!.NestingIncrease;
        return _depth <= maxDepth ? true : throw new YamlException(Current.Start, Current.End, $"nested more than {maxDepth} levels deep");
    }
}
