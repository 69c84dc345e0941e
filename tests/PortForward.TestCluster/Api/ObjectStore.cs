using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace PortForward.Testing.Api;

/// <summary>
/// The objects in the API server's memory, with resource versions, a history for watches, and watchers that are told of each change.
/// </summary>
public sealed class ObjectStore
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, StoredObject> _objects = new(StringComparer.Ordinal);
    private readonly List<StoredEvent> _history = [];
    private readonly List<Watcher> _watchers = [];
    private long _version = 1000;
    private long _oldestWatchable = 1000;

    internal ObjectStore()
    {
    }

    /// <summary>The version of the latest change.</summary>
    public long ResourceVersion
    {
        get
        {
            lock (_lock)
                return _version;
        }
    }

    /// <summary>Creates an object or replaces the one of its name. The store sets uid, creation time and resource version where they are missing.</summary>
    /// <exception cref="ArgumentException">The object is of a kind that the cluster does not serve, or has no name.</exception>
    public void Put(JsonObject json)
    {
        ArgumentNullException.ThrowIfNull(json);
        var type = ResourceType.OfKind((string?)json["apiVersion"] ?? "", (string?)json["kind"] ?? "");
        var copy = (JsonObject)json.DeepClone();
        var metadata = copy["metadata"] as JsonObject ?? throw new ArgumentException("The object has no metadata.", nameof(json));
        var name = (string?)metadata["name"] ?? throw new ArgumentException("The object has no name.", nameof(json));
        if (type.Namespaced)
            metadata["namespace"] ??= "default";
        metadata["uid"] ??= Guid.NewGuid().ToString();
        metadata["creationTimestamp"] ??= DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ");

        lock (_lock)
        {
            var key = Key(type, (string?)metadata["namespace"], name);
            var before = _objects.GetValueOrDefault(key);
            metadata["resourceVersion"] = (++_version).ToString();
            var now = new StoredObject(type, (string?)metadata["namespace"], name, copy);
            _objects[key] = now;
            Publish(new StoredEvent(_version, before, now));
        }
    }

    /// <summary>Deletes an object; false when there is none.</summary>
    public bool Delete(string plural, string? objectNamespace, string name)
    {
        var type = ResourceType.OfPlural(plural);
        lock (_lock)
        {
            if (!_objects.Remove(Key(type, type.Namespaced ? objectNamespace : null, name), out var before))
                return false;

            // A deletion is a change: its event carries the object with a version of its own.
            var last = (JsonObject)before.Json.DeepClone();
            last["metadata"]!["resourceVersion"] = (++_version).ToString();
            Publish(new StoredEvent(_version, before, null) { Last = before with { Json = last } });
            return true;
        }
    }

    /// <summary>A copy of an object, or null.</summary>
    public JsonObject? Get(string plural, string? objectNamespace, string name) =>
        Find(ResourceType.OfPlural(plural), objectNamespace, name) is { } text ? (JsonObject)JsonNode.Parse(text)! : null;

    /// <summary>Forgets the history, as etcd's compaction does: a watch from an older version gets 410.</summary>
    public void Compact()
    {
        lock (_lock)
        {
            _history.Clear();
            _oldestWatchable = ++_version;
        }
    }

    /// <summary>Sends every watcher the error 410 Expired and ends its watch.</summary>
    public void ExpireWatches()
    {
        lock (_lock)
        {
            _history.Clear();
            _oldestWatchable = ++_version;
            EndWatches(ErrorLine(ApiStatus.Expired(_version - 1, _version)));
        }
    }

    /// <summary>Ends every watch without a word, as a server does after its timeout.</summary>
    public void EndWatches() => EndWatches(lastLine: null);

    /// <summary>Sends a bookmark to each watcher that asked for them.</summary>
    public void SendBookmarks()
    {
        lock (_lock)
        {
            foreach (var watcher in _watchers.Where(watcher => watcher.WantsBookmarks))
                watcher.Send(Bookmark(watcher.Type, initialEventsEnd: false));
        }
    }

    internal string? Find(ResourceType type, string? objectNamespace, string name)
    {
        lock (_lock)
            return _objects.GetValueOrDefault(Key(type, type.Namespaced ? objectNamespace : null, name))?.Json.ToJsonString();
    }

    /// <summary>One page of a list; <paramref name="limit"/> 0 is no limit.</summary>
    internal string List(ResourceType type, string? objectNamespace, Selectors.Selector selector, int limit, string? continueAfter)
    {
        lock (_lock)
        {
            var found = Select(type, objectNamespace, selector).ToList();
            var rest = continueAfter is null ? found : [.. found.Where(stored => string.CompareOrdinal(stored.Key, continueAfter) > 0)];
            var page = limit > 0 ? rest.Take(limit).ToList() : rest;
            var metadata = new JsonObject { ["resourceVersion"] = _version.ToString() };
            if (page.Count < rest.Count)
            {
                metadata["continue"] = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(page[^1].Key));
                metadata["remainingItemCount"] = rest.Count - page.Count;
            }

            var items = new JsonArray();
            foreach (var stored in page)
            {
                // The items of a typed list come without their kind.
                var item = (JsonObject)stored.Json.DeepClone();
                item.Remove("kind");
                item.Remove("apiVersion");
                items.Add(item);
            }

            return new JsonObject
            {
                ["kind"] = $"{type.Kind}List",
                ["apiVersion"] = type.ApiVersion,
                ["metadata"] = metadata,
                ["items"] = items,
            }.ToJsonString();
        }
    }

    /// <summary>Begins a watch; its first lines are the changes since a version, or the present objects when it is null or 0.</summary>
    internal Watcher Watch(ResourceType type, string? objectNamespace, Selectors.Selector selector, long? since, bool wantsBookmarks, bool sendInitialEvents)
    {
        var watcher = new Watcher(type, objectNamespace, selector, wantsBookmarks);
        lock (_lock)
        {
            if (since is > 0 && !sendInitialEvents)
            {
                if (since < _oldestWatchable)
                {
                    watcher.Send(ErrorLine(ApiStatus.Expired(since.Value, _oldestWatchable)));
                    watcher.End();
                    return watcher;
                }

                foreach (var change in _history.Where(change => change.Version > since))
                    watcher.Offer(change);
            }
            else
            {
                foreach (var stored in Select(type, objectNamespace, selector))
                    watcher.Send(EventLine("ADDED", stored.Json));
                if (sendInitialEvents)
                    watcher.Send(Bookmark(type, initialEventsEnd: true));
            }

            _watchers.Add(watcher);
        }

        return watcher;
    }

    internal void Unwatch(Watcher watcher)
    {
        lock (_lock)
            _watchers.Remove(watcher);
    }

    internal static string EventLine(string type, JsonObject json) =>
        new JsonObject { ["type"] = type, ["object"] = json.DeepClone() }.ToJsonString() + "\n";

    private static string ErrorLine(ApiStatus status) => EventLine("ERROR", status.ToJson());

    private static string Key(ResourceType type, string? objectNamespace, string name) => $"{type.QualifiedName}|{objectNamespace}|{name}";

    private string Bookmark(ResourceType type, bool initialEventsEnd)
    {
        var metadata = new JsonObject { ["resourceVersion"] = _version.ToString(), ["creationTimestamp"] = null };
        if (initialEventsEnd)
            metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
        return EventLine("BOOKMARK", new JsonObject { ["kind"] = type.Kind, ["apiVersion"] = type.ApiVersion, ["metadata"] = metadata });
    }

    private void EndWatches(string? lastLine)
    {
        lock (_lock)
        {
            foreach (var watcher in _watchers)
            {
                if (lastLine is not null)
                    watcher.Send(lastLine);
                watcher.End();
            }

            _watchers.Clear();
        }
    }

    private IEnumerable<StoredObject> Select(ResourceType type, string? objectNamespace, Selectors.Selector selector) =>
        _objects.Values.Where(stored => stored.IsIn(type, objectNamespace) && selector(stored.Json));

    private void Publish(StoredEvent change)
    {
        _history.Add(change);
        foreach (var watcher in _watchers)
            watcher.Offer(change);
    }

    internal sealed record StoredObject(ResourceType Type, string? Namespace, string Name, JsonObject Json)
    {
        public string Key => ObjectStore.Key(Type, Namespace, Name);

        public bool IsIn(ResourceType type, string? objectNamespace) =>
            Type == type && (objectNamespace is null || string.Equals(Namespace, objectNamespace, StringComparison.Ordinal));
    }

    internal sealed record StoredEvent(long Version, StoredObject? Before, StoredObject? After)
    {
        /// <summary>The object of a deletion, with the version of the deletion.</summary>
        public StoredObject? Last { get; init; }
    }

    /// <summary>One watch: lines wait here until the request sends them.</summary>
    internal sealed class Watcher(ResourceType type, string? objectNamespace, Selectors.Selector selector, bool wantsBookmarks)
    {
        private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();

        public ResourceType Type => type;

        public bool WantsBookmarks => wantsBookmarks;

        public ChannelReader<string> Lines => _lines.Reader;

        /// <summary>Sends what the change means for this selection: an object that leaves it is DELETED, one that enters it is ADDED.</summary>
        public void Offer(StoredEvent change)
        {
            var was = change.Before is { } before && before.IsIn(type, objectNamespace) && selector(before.Json);
            var isNow = change.After is { } after && after.IsIn(type, objectNamespace) && selector(after.Json);
            if (isNow)
                Send(EventLine(was ? "MODIFIED" : "ADDED", change.After!.Json));
            else if (was)
                Send(EventLine("DELETED", (change.Last ?? change.After ?? change.Before)!.Json));
        }

        public void Send(string line) => _lines.Writer.TryWrite(line);

        public void End() => _lines.Writer.TryComplete();
    }
}
