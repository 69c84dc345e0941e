namespace PortForward.Cluster.Api;

/// <summary>Says when a list that a server sends page by page has gone on for too long, however small its pages are.</summary>
/// <param name="pageSize">How many objects were asked for at a time.</param>
internal sealed class ListBounds(int pageSize)
{
    /// <summary>The most bytes of a list, in however many pages.</summary>
    public const int MaxLength = 256 * 1024 * 1024;

    /// <summary>The most objects of a list: more than the pods of the largest cluster that Kubernetes is made for (150,000).</summary>
    private const int MaxItems = 200_000;

    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);
    private long _length;
    private int _items;

    /// <summary>A page of so many bytes was read.</summary>
    public void Add(long length) => _length += length;

    /// <summary>Why the next page must not be asked for; null if it may be.</summary>
    /// <param name="items">How many objects the last page had.</param>
    /// <param name="next">What asks for the next one.</param>
    public string? WhyNoMore(int items, string next)
    {
        _items += items;
        return items == 0 ? "an empty page of a list that goes on"
            : !_asked.Add(next) ? "a list that leads back to an earlier page"
            : _items >= MaxItems || _asked.Count > MaxItems / pageSize ? $"a list of more than {MaxItems} objects, or of pages that are far too small"
            : _length > MaxLength ? $"a list of more than {MaxLength >> 20} MB"
            : null;
    }
}
