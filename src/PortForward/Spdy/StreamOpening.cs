namespace PortForward.Spdy;

/// <summary>What the SYN_STREAM of a new stream says.</summary>
/// <param name="Headers">Names in lower case with their values; at most 4 KiB encoded.</param>
/// <param name="Finish">Whether the SYN_STREAM carries FIN, so that this side never writes on the stream.</param>
internal readonly record struct StreamOpening(IReadOnlyList<KeyValuePair<string, string>> Headers, bool Finish = false);
