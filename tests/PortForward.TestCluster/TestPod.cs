using System.Text.Json.Nodes;
using PortForward.Testing.Applications;

namespace PortForward.Testing;

/// <summary>
/// A pod: its object in the API server, its sandbox and the applications in it. Described fluently before it is added
/// to a cluster; every change after that is published to watchers.
/// </summary>
public sealed class TestPod
{
    private readonly JsonObject _labels = [];
    private readonly JsonObject _annotations = [];
    private readonly JsonArray _owners = [];
    private readonly JsonArray _ports = [];
    private readonly JsonArray _initPorts = [];
    private readonly List<Action<PodApplications>> _applications = [];
    private readonly List<Action<JsonObject>> _edits = [];
    private readonly Lock _lock = new();
    private DateTimeOffset? _created;
    private DateTimeOffset? _readySince;
    private DateTimeOffset? _deleting;
    private bool _ready = true;
    private int _restarts;
    private bool _hasInitContainer;
    private bool _deleted;
    private TestCluster? _cluster;
    private PodApplications? _running;
    private Sandbox? _sandbox;

    private TestPod(string name) => Name = name;

    /// <summary>The pod's name.</summary>
    public string Name { get; }

    /// <summary>The pod's namespace; <c>default</c> unless said otherwise.</summary>
    public string Namespace { get; private set; } = "default";

    /// <summary>The object's unique id.</summary>
    public string Uid { get; } = Guid.NewGuid().ToString();

    /// <summary>The pod's IP address, which no other pod of the cluster has unless it is told to. Known once the pod is in a cluster.</summary>
    public string Address { get; private set; } = "";

    /// <summary>The sandbox id in the runtime's messages: 64 hex digits. Known once the pod is in a cluster.</summary>
    public string SandboxId => Sandbox.Id;

    /// <summary>Connections from the runtime to the pod's applications that are open now.</summary>
    public int OpenConnections => Applications.OpenConnections;

    /// <summary>The pod's applications, to start and stop. Known once the pod is in a cluster.</summary>
    public PodApplications Applications => _running ?? throw new InvalidOperationException($"Pod {Name} is in no cluster yet.");

    internal Sandbox Sandbox => _sandbox ?? throw new InvalidOperationException($"Pod {Name} is in no cluster yet.");

    internal string NodeName { get; private set; } = "node-1";

    internal string CurrentPhase { get; private set; } = "Running";

    /// <summary>A running, ready pod with one container and no ports.</summary>
    public static TestPod Named(string name) => new(name);

    /// <summary>
    /// A running, ready pod with the standard set of applications: 7000 echo, 7001 source, 7002 sink, 7003 never reads,
    /// 7004 speaks first, 7005 resets, 8080 HTTP; with the container ports <c>web</c> (8080), <c>echo</c> (7000) and <c>dns</c> (5353/UDP).
    /// </summary>
    public static TestPod Probe(string name) => new TestPod(name)
        .Port("web", 8080).Port("echo", 7000).Port("dns", 5353, "UDP")
        .Serves(7000, TestApplications.Echo)
        .Serves(7001, TestApplications.Source)
        .Serves(7002, TestApplications.Sink)
        .Serves(7003, TestApplications.NeverReads)
        .Serves(7004, TestApplications.SpeaksFirst("hello and goodbye\n"))
        .Serves(7005, TestApplications.Resets)
        .Serves(8080, TestApplications.Http(name));

    /// <summary>Puts the pod into a namespace.</summary>
    public TestPod In(string name)
    {
        Namespace = name;
        return this;
    }

    /// <summary>Gives the pod an IP address, as that of its node.</summary>
    public TestPod WithAddress(string address) => Change(() => Address = address);

    /// <summary>Sets a label.</summary>
    public TestPod Label(string key, string value) => Change(() => _labels[key] = value);

    /// <summary>Sets an annotation.</summary>
    public TestPod Annotation(string key, string value) => Change(() => _annotations[key] = value);

    /// <summary>Names a controller, e.g. a ReplicaSet.</summary>
    public TestPod OwnedBy(string apiVersion, string kind, string name) => Change(() => _owners.Add(new JsonObject
    {
        ["apiVersion"] = apiVersion,
        ["kind"] = kind,
        ["name"] = name,
        ["uid"] = Guid.NewGuid().ToString(),
        ["controller"] = true,
        ["blockOwnerDeletion"] = true,
    }));

    /// <summary>Declares a port of the container; a null name leaves it without one.</summary>
    public TestPod Port(string? name, int containerPort, string protocol = "TCP") => Change(() => _ports.Add(PortObject(name, containerPort, protocol)));

    /// <summary>Declares a port of an init container (of a sidecar, in practice).</summary>
    public TestPod InitPort(string? name, int containerPort, string protocol = "TCP") => Change(() =>
    {
        _hasInitContainer = true;
        _initPorts.Add(PortObject(name, containerPort, protocol));
    });

    /// <summary>Starts an application on a port of the pod.</summary>
    public TestPod Serves(int port, ApplicationHandler handler)
    {
        if (_running is null)
            _applications.Add(applications => applications.Serve(port, handler));
        else
            _running.Serve(port, handler);
        return this;
    }

    /// <summary>Pending, Running, Succeeded, Failed or Unknown.</summary>
    public TestPod Phase(string phase) => Change(() => CurrentPhase = phase);

    /// <summary>Whether the Ready condition is true, and since when (by default since the pod's creation or since now).</summary>
    public TestPod Ready(bool ready = true, DateTimeOffset? since = null) => Change(() =>
    {
        _readySince = since ?? (_cluster is null || ready == _ready ? _readySince : Now);
        _ready = ready;
    });

    /// <summary>Sets the creation time.</summary>
    public TestPod CreatedAt(DateTimeOffset time) => Change(() => _created = time);

    /// <summary>Sets the container's restart count.</summary>
    public TestPod Restarts(int count) => Change(() => _restarts = count);

    /// <summary>Sets the deletion timestamp: the pod is terminating, but still there.</summary>
    public TestPod Terminating() => Change(() => _deleting = Now.AddSeconds(30));

    /// <summary>Assigns a node; an empty name means that the pod is not scheduled.</summary>
    public TestPod OnNode(string name) => Change(() => NodeName = name);

    /// <summary>Changes the object in any other way, each time it is published.</summary>
    public TestPod Edit(Action<JsonObject> edit)
    {
        ArgumentNullException.ThrowIfNull(edit);
        return Change(() => _edits.Add(edit));
    }

    /// <summary>
    /// Deletes the pod as the kubelet does in the end: the applications are killed, the sandbox is removed and the object is gone.
    /// Tunnels that are open stay open; new connections in them get the runtime's error.
    /// </summary>
    public void Delete()
    {
        EndSandbox();
        lock (_lock)
            _deleted = true;
        _cluster?.Pods.Forget(this);
    }

    /// <summary>Removes the sandbox only; the message is the runtime's (containerd's unless given).</summary>
    public void EndSandbox(string? message = null) => Sandbox.End(message);

    internal void AddTo(TestCluster cluster)
    {
        lock (_lock)
        {
            if (_cluster is not null)
                throw new InvalidOperationException($"Pod {Name} is in a cluster already.");
            _cluster = cluster;
            if (Address.Length == 0)
                Address = cluster.Pods.NextAddress();
            _created ??= Now;
            _running = new PodApplications(cluster.Activity);
            _sandbox = new Sandbox(_running);
            foreach (var start in _applications)
                start(_running);
            cluster.Objects.Put(ToJson());
        }
    }

    private static JsonObject PortObject(string? name, int containerPort, string protocol)
    {
        var port = new JsonObject { ["containerPort"] = containerPort, ["protocol"] = protocol };
        if (name is not null)
            port["name"] = name;
        return port;
    }

    private DateTimeOffset Now => (_cluster?.Options.TimeProvider ?? TimeProvider.System).GetUtcNow();

    private TestPod Change(Action change)
    {
        lock (_lock)
        {
            change();
            if (_running is not null && !_deleted)
                _cluster!.Objects.Put(ToJson());
        }

        return this;
    }

    private JsonObject ToJson()
    {
        var created = Timestamp(_created!.Value);
        var readySince = Timestamp(_readySince ?? _created.Value);
        var scheduled = NodeName.Length > 0;
        var ready = _ready && CurrentPhase == "Running" ? "True" : "False";
        var metadata = new JsonObject
        {
            ["name"] = Name,
            ["namespace"] = Namespace,
            ["uid"] = Uid,
            ["creationTimestamp"] = created,
        };
        if (_labels.Count > 0)
            metadata["labels"] = _labels.DeepClone();
        if (_annotations.Count > 0)
            metadata["annotations"] = _annotations.DeepClone();
        if (_owners.Count > 0)
            metadata["ownerReferences"] = _owners.DeepClone();
        if (_deleting is { } deleting)
        {
            metadata["deletionTimestamp"] = Timestamp(deleting);
            metadata["deletionGracePeriodSeconds"] = 30;
        }

        var spec = new JsonObject
        {
            ["containers"] = new JsonArray(Container("main", _ports)),
            ["restartPolicy"] = "Always",
            ["terminationGracePeriodSeconds"] = 30,
            ["dnsPolicy"] = "ClusterFirst",
        };
        if (_hasInitContainer)
            spec["initContainers"] = new JsonArray(Container("init", _initPorts));
        if (scheduled)
            spec["nodeName"] = NodeName;

        var status = new JsonObject
        {
            ["phase"] = CurrentPhase,
            ["conditions"] = new JsonArray(
                Condition("Initialized", "True", created),
                Condition("Ready", ready, readySince),
                Condition("ContainersReady", ready, readySince),
                Condition("PodScheduled", scheduled ? "True" : "False", created)),
        };
        if (CurrentPhase == "Running")
        {
            status["podIP"] = Address;
            status["podIPs"] = new JsonArray(new JsonObject { ["ip"] = Address });
            status["startTime"] = created;
            status["containerStatuses"] = new JsonArray(new JsonObject
            {
                ["name"] = "main",
                ["image"] = "test/app:1",
                ["imageID"] = "",
                ["ready"] = _ready,
                ["started"] = true,
                ["restartCount"] = _restarts,
                ["state"] = new JsonObject { ["running"] = new JsonObject { ["startedAt"] = created } },
            });
        }

        var json = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Pod", ["metadata"] = metadata, ["spec"] = spec, ["status"] = status };
        foreach (var edit in _edits)
            edit(json);
        return json;
    }

    private static JsonObject Container(string name, JsonArray ports)
    {
        var container = new JsonObject { ["name"] = name, ["image"] = "test/app:1", ["resources"] = new JsonObject() };
        if (ports.Count > 0)
            container["ports"] = ports.DeepClone();
        return container;
    }

    private static JsonObject Condition(string type, string status, string since) =>
        new() { ["type"] = type, ["status"] = status, ["lastProbeTime"] = null, ["lastTransitionTime"] = since };

    private static string Timestamp(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ");
}
