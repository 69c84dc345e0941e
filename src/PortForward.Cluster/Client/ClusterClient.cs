using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PortForward.Cluster.Authentication;
using PortForward.Cluster.Connection;
using PortForward.Cluster.Kubeconfig;
using PortForward.Cluster.Objects;
using PortForward.Cluster.Targets;
using PortForward.Forwarding;
using PortForward.Tunnels.Pool;

namespace PortForward.Cluster;

/// <summary>
/// One API server with one user's credentials, and everything that is started from it: forwards and streams share its connection, its credentials and what is known
/// of the transports.
/// </summary>
/// <example>
/// <code>
/// await using var cluster = ClusterClient.FromKubeconfig();
/// await using Forward db = await cluster.ForwardAsync("svc/postgres", ":5432");
/// Console.WriteLine($"Host={db.Host};Port={db.Port}");
/// await using Stream cache = await cluster.DialAsync("svc/redis", "6379"); // no listener, no local port
/// </code>
/// </example>
public sealed class ClusterClient : IAsyncDisposable
{
    private readonly ClusterClientOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly ClusterConnection _connection;
    private readonly TargetStarter _starter;
    private readonly DialRouters _dials;

    /// <summary>Guards the fields below it.</summary>
    private readonly Lock _gate = new();
    private readonly HashSet<Forward> _forwards = [];
    private Task? _disposed;

    private ClusterClient(ClusterConfiguration configuration, ClusterClientOptions options)
    {
        _options = options;
        _loggers = options.Loggers ?? NullLoggerFactory.Instance;
        _connection = new ClusterConnection(configuration) { OnLoginNeeded = OnLoginNeeded, MaxWarmConnections = options.MaxWarmConnections };
        _starter = new TargetStarter(_connection, options.Transports, options.MaxTunnels, options.Time, _loggers);
        _dials = new DialRouters(_starter, options.Dials, options.LivenessTimeout, options.Time);
    }

    /// <summary>The namespace to look in, unless another one is said.</summary>
    public string Namespace => _connection.Namespace;

    /// <summary>The API server's base address.</summary>
    public Uri Server => _connection.Server;

    /// <summary>A client for the cluster that a kubeconfig leads to, found and read as kubectl does it. Nothing is sent yet.</summary>
    /// <param name="options">Which cluster, as whom and how; what kubectl would do if null.</param>
    /// <exception cref="ClusterException">There is no kubeconfig, or it does not lead to a cluster; the message says why, in one sentence.</exception>
    /// <exception cref="ArgumentException">An option makes no sense.</exception>
    public static ClusterClient FromKubeconfig(ClusterClientOptions? options = null) => FromKubeconfig(options ?? new ClusterClientOptions(), LocalEnvironment.Current);

    /// <summary>A client for a server and a user that are known already. Nothing is sent yet.</summary>
    /// <param name="configuration">The server and the user.</param>
    /// <param name="options">How; of these options those that lead to the configuration do not count.</param>
    /// <exception cref="ArgumentException">An option makes no sense.</exception>
    internal static ClusterClient Create(ClusterConfiguration configuration, ClusterClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        options ??= new ClusterClientOptions();
        ClusterClientOptions.Check(options);
        return new ClusterClient(configuration, options);
    }

    /// <summary>
    /// Connects an <see cref="HttpClient"/> to services by the names that programs in the cluster have for them: <c>http://web.shop/</c> is the port 80 of the service
    /// <c>web</c> in the namespace <c>shop</c>. The names are <c>web</c>, <c>web.shop</c>, <c>web.shop.svc</c> and <c>web.shop.svc.cluster.local</c>; anything else
    /// fails with a <see cref="ClusterException"/>.
    /// </summary>
    /// <example>
    /// <code>
    /// using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, ConnectCallback = cluster.ConnectCallback });
    /// string page = await http.GetStringAsync("http://web.shop/");
    /// </code>
    /// </example>
    public Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>> ConnectCallback => ConnectAsync;

    /// <summary>How many tunnels there may be.</summary>
    internal TunnelBudget Tunnels => _starter.Tunnels;

    /// <summary>How the targets' pods are followed.</summary>
    internal PodFeeds Feeds => _starter.Feeds;

    /// <summary>How many targets streams are dialled to, or were a short while ago.</summary>
    internal int DialledTargets => _dials.Count;

    internal static ClusterClient FromKubeconfig(ClusterClientOptions options, LocalEnvironment environment)
    {
        ClusterClientOptions.Check(options);
        if (options.InCluster && ServiceAccount.Find(environment) is null)
        {
            throw new ClusterException(
                "this process does not run in a pod with a service account: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not both set, or there is no token");
        }

        MergedKubeconfig kubeconfig = options.InCluster ? MergedKubeconfig.None : MergedKubeconfig.Load(options.Kubeconfig, environment);
        ILoggerFactory loggers = options.Loggers ?? NullLoggerFactory.Instance;
        return new ClusterClient(ClusterConfiguration.Resolve(kubeconfig, options.AllOverrides, options.Time, loggers, environment, options.InCluster), options);
    }

    /// <summary>Forwards local ports to ports of a target, with the usual options. It returns when connections are served.</summary>
    /// <param name="target">What to forward to, such as <c>svc/web</c>, <c>deploy/web</c>, <c>web</c> for a pod, or <c>selector/app=web</c> for pods by label.</param>
    /// <param name="ports">The ports, each as <c>[LOCAL:]REMOTE</c>: <c>:5432</c> takes any free local port, <c>8080:http</c> names the remote one.</param>
    /// <returns>A forward that is ready, to be disposed when it is needed no more.</returns>
    /// <exception cref="ClusterException">The target cannot be reached; the message says why, in one sentence.</exception>
    /// <exception cref="PortForwardException">A local port cannot be had; the message says why, in one sentence.</exception>
    /// <exception cref="FormatException">The target or a port is malformed; the message says how, in one sentence.</exception>
    /// <exception cref="ArgumentException">There is no port.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public Task<Forward> ForwardAsync(string target, params string[] ports) => ForwardAsync(target, ports, options: null);

    /// <summary>Forwards local ports to ports of a target. It returns when connections are served.</summary>
    /// <param name="target">What to forward to, such as <c>svc/web</c>, <c>deploy/web</c>, <c>web</c> for a pod, or <c>selector/app=web</c> for pods by label.</param>
    /// <param name="ports">The ports, each as <c>[LOCAL:]REMOTE</c>: <c>:5432</c> takes any free local port, <c>8080:http</c> names the remote one.</param>
    /// <param name="options">How to listen, to follow the target, and to treat connections; the usual options if null.</param>
    /// <param name="cancellationToken">Ends the start, and never the forward that was returned.</param>
    /// <returns>A forward that is ready, to be disposed when it is needed no more.</returns>
    /// <exception cref="ClusterException">The target cannot be reached; the message says why, in one sentence.</exception>
    /// <exception cref="PortForwardException">A local port cannot be had; the message says why, in one sentence.</exception>
    /// <exception cref="FormatException">The target, a port or an address is malformed; the message says how, in one sentence.</exception>
    /// <exception cref="ArgumentException">There is no port, or an option makes no sense.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; nothing is left of the start.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public async Task<Forward> ForwardAsync(string target, IReadOnlyList<string> ports, ForwardOptions? options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(ports);
        ForwardRequest request = Read(new ForwardDefinition(target, ports) { Options = options ?? new ForwardOptions() });
        var forward = new Forward(_starter, request, request.Name ?? request.Target.DefaultName, _options.Time, _loggers);
        await StartAsync(forward, beforeListening: null, cancellationToken).ConfigureAwait(false);
        return await UnlessUnwantedAsync(forward, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Starts several forwards together. It returns when connections to all of them are served, or, if the options say so, when none is starting any more.
    /// </summary>
    /// <param name="definitions">What to forward; at least one.</param>
    /// <param name="options">How to start them; the usual options if null.</param>
    /// <param name="cancellationToken">Ends the start, and never the forwards that were returned.</param>
    /// <returns>The forwards in the order of their definitions, to be disposed when they are needed no more.</returns>
    /// <exception cref="ClusterException">A target cannot be reached; the message says why, in one sentence.</exception>
    /// <exception cref="PortForwardException">A local port cannot be had; the message says why, in one sentence.</exception>
    /// <exception cref="FormatException">A target, a port or an address is malformed; the message says how, in one sentence.</exception>
    /// <exception cref="ArgumentException">There is no definition or no port, two have the same name, or an option makes no sense.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; nothing is left of the start.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public async Task<ForwardSet> ForwardAllAsync(
        IReadOnlyList<ForwardDefinition> definitions, ForwardSetOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(definitions);
        ForwardSet set = Prepare(definitions);
        await set.StartAsync(options ?? new ForwardSetOptions(), cancellationToken).ConfigureAwait(false);
        return await UnlessUnwantedAsync(set, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Creates several forwards that are not started yet.</summary>
    internal ForwardSet Prepare(IReadOnlyList<ForwardDefinition> definitions) => Prepare([.. definitions.Select(definition => (this, definition))]);

    /// <summary>Creates several forwards that are not started yet, each by the client of its own cluster.</summary>
    internal static ForwardSet Prepare(IReadOnlyList<(ClusterClient Client, ForwardDefinition Definition)> definitions)
    {
        ForwardRequest[] requests = [.. definitions.Select(static one => one.Client.Read(one.Definition))];
        IReadOnlyList<string> names = ForwardNames.Of([.. requests.Select(request => (request.Name, request.Target))]);
        TimeSpan unusedTime = requests.Length > 1 ? ForwardSet.UnusedTime : Timeout.InfiniteTimeSpan;
        HashSet<int> kept = [.. requests.SelectMany(static request => request.Ports).Select(static port => port.FixedLocalPort).OfType<int>()];
        return new ForwardSet([.. requests.Select((request, index) => Create(definitions[index].Client, request, names[index]))]);

        ForwardSet.Member Create(ClusterClient client, ForwardRequest request, string name) =>
            new(client, new Forward(client._starter, request, name, client._options.Time, client._loggers) { UnusedTime = unusedTime, IsKept = kept.Contains });
    }

    /// <summary>Checks, without forwarding anything, that a target and its ports exist, as far as that can be known without a running pod.</summary>
    /// <exception cref="ClusterException">They do not, or it cannot be looked up.</exception>
    internal Task CheckAsync(ForwardDefinition definition, CancellationToken cancellationToken)
    {
        ForwardRequest request = Read(definition);
        return _starter.CheckAsync(request.Target, request.Namespace, request.Ports, cancellationToken);
    }

    /// <summary>The services of a namespace.</summary>
    /// <exception cref="ClusterException">They cannot be listed, or there is no such namespace.</exception>
    internal Task<IReadOnlyList<Service>> ListServicesAsync(string @namespace, CancellationToken cancellationToken) =>
        _starter.ListServicesAsync(@namespace, cancellationToken);

    /// <summary>Starts a forward; it is the client's until it has ended.</summary>
    /// <param name="forward">The forward.</param>
    /// <param name="beforeListening">What to wait for once its target was reached; nothing if null.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    internal async Task StartAsync(Forward forward, Func<Task>? beforeListening, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed is not null, this);
            _forwards.Add(forward);
        }

        try
        {
            await forward.StartAsync(beforeListening, cancellationToken).ConfigureAwait(false);
            _ = ForgetAsync(forward);
        }
        catch (OperationCanceledException e)
        {
            await ForgetAsync(forward).ConfigureAwait(false);
            throw WhyCancelled(e, cancellationToken);
        }
        catch
        {
            await ForgetAsync(forward).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Opens a stream to a port of a target, without a listener and without a local port. It returns when there is a tunnel to a pod for it.</summary>
    /// <inheritdoc cref="DialAsync(string, string, string, CancellationToken)"/>
    public Task<PodStream> DialAsync(string target, string port) => DialAsync(target, port, @namespace: null, CancellationToken.None);

    /// <summary>Opens a stream to a port of a target, without a listener and without a local port. It returns when there is a tunnel to a pod for it.</summary>
    /// <inheritdoc cref="DialAsync(string, string, string, CancellationToken)"/>
    public Task<PodStream> DialAsync(string target, string port, CancellationToken cancellationToken) => DialAsync(target, port, @namespace: null, cancellationToken);

    /// <summary>
    /// Opens a stream to a port of a target in a namespace, without a listener and without a local port. It returns when there is a tunnel to a pod for it.
    /// </summary>
    /// <remarks>
    /// Streams follow the target from pod to pod as connections of a <see cref="Forward"/> do. Those to one target share a watch and tunnels, which are kept for two
    /// minutes after the last one. While the target has no pod, a dial waits as long as a connection: 30 s. The first dial, and those that come while it waits, have one
    /// minute together.
    /// </remarks>
    /// <param name="target">What to connect to, such as <c>svc/redis</c>, <c>deploy/web</c>, <c>web</c> for a pod, or <c>selector/app=web</c> for pods by label.</param>
    /// <param name="port">The port: a number or a name of the service or the pod.</param>
    /// <param name="namespace">The target's namespace; the client's if null.</param>
    /// <param name="cancellationToken">Ends the dial, and never the stream that was returned.</param>
    /// <returns>The stream, to be disposed when it is needed no more. Whether the application takes the connection is seen when it is read.</returns>
    /// <exception cref="ClusterException">The target cannot be reached; the message says why, in one sentence.</exception>
    /// <exception cref="FormatException">The target or the port is malformed; the message says how, in one sentence.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; nothing is left of the dial.</exception>
    /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
    public async Task<PodStream> DialAsync(string target, string port, string? @namespace, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(port);
        var reference = TargetReference.Parse(target);
        var remote = PortSpec.Parse(port);
        if (port.Contains(':', StringComparison.Ordinal))
        {
            throw new FormatException($"invalid port \"{port}\": a stream has no local port, expected REMOTE");
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed is not null, this);
        }

        try
        {
            return await _dials.DialAsync(reference, @namespace ?? Namespace, remote, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            throw WhyCancelled(e, cancellationToken);
        }
    }

    /// <summary>Ends everything that was started from it at once. To let connections come to their end, stop the forwards before.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            return new ValueTask(_disposed ??= Task.Run(EndAllAsync));
        }
    }

    private ForwardRequest Read(ForwardDefinition definition) =>
        ForwardRequest.Read(definition.Target, definition.Ports, definition.Options, Namespace, _options.LivenessTimeout);

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var host = ServiceHost.Parse(context.DnsEndPoint.Host);
        string port = context.DnsEndPoint.Port.ToString(CultureInfo.InvariantCulture);
        return await DialAsync($"service/{host.Service}", port, host.Namespace ?? Namespace, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What was started, unless the start was cancelled at its very end: once there are listeners that is a stop like any other.</summary>
    private static async Task<T> UnlessUnwantedAsync<T>(T started, CancellationToken cancellationToken)
        where T : IAsyncDisposable
    {
        if (cancellationToken.IsCancellationRequested)
        {
            await started.DisposeAsync().ConfigureAwait(false);
        }

        cancellationToken.ThrowIfCancellationRequested();
        return started;
    }

    private async Task EndAllAsync()
    {
        await Task.WhenAll(OpenForwards().Select(forward => forward.DisposeAsync().AsTask())).ConfigureAwait(false);
        await _dials.DisposeAsync().ConfigureAwait(false);
        await _starter.DisposeAsync().ConfigureAwait(false);
        _connection.Dispose();
    }

    private Forward[] OpenForwards()
    {
        lock (_gate)
        {
            return [.. _forwards];
        }
    }

    /// <summary>Forgets a forward once it has ended.</summary>
    private async Task ForgetAsync(Forward forward)
    {
        await forward.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            _forwards.Remove(forward);
        }
    }

    private void OnLoginNeeded(LoginNeeded login)
    {
        foreach (Forward forward in OpenForwards())
        {
            forward.TellOfServer(login);
        }
    }

    /// <summary>What to throw for a start that was cancelled: by its caller, or because the client was disposed.</summary>
    private Exception WhyCancelled(OperationCanceledException e, CancellationToken caller)
    {
        if (caller.IsCancellationRequested)
        {
            return new OperationCanceledException(e.Message, e, caller);
        }

        lock (_gate)
        {
            return _disposed is not null ? new ObjectDisposedException(nameof(ClusterClient), "The client was disposed.") : e;
        }
    }
}
