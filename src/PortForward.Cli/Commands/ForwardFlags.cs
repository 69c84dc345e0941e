using System.CommandLine;

namespace PortForward.Cli.Commands;

/// <summary>The flags and arguments of <c>pf</c>: those of <c>kubectl port-forward</c> with kubectl's global ones, and its own.</summary>
internal sealed class ForwardFlags
{
    /// <summary>The name of the flag that stands for a target.</summary>
    public const string SelectorName = "--selector";

    public Argument<string[]> Words { get; } = new("words") { Arity = ArgumentArity.ZeroOrMore };

    public Option<string> Selector { get; } = Text(SelectorName, "SELECTOR",
        "Forward to the pods of a label selector, as in app=web, instead of a target: all words are ports then.", "-l");

    public Option<string[]> Address { get; } = List("--address", "ADDRESS",
        "Addresses to listen on: IP addresses or localhost, which is 127.0.0.1 and ::1 and enough with one of them (default localhost). Repeatable, comma separated.");

    public Option<string> PodRunningTimeout { get; } = Text("--pod-running-timeout", "DURATION",
        "How long to wait until a pod is running, as in 30s or 1m30s (default 1m0s).");

    public Option<bool> NoReconnect { get; } = Switch("--no-reconnect", "End with exit code 1 when the pod is lost, as kubectl does.");

    public Option<string> HoldTimeout { get; } = Text("--hold-timeout", "DURATION",
        "How long a new connection waits while there is no pod, before it is reset (default 30s).");

    public Option<string> ReconnectTimeout { get; } = Text("--reconnect-timeout", "DURATION",
        "How long the target may be lost before pf ends (default: 5m0s once it is gone for good, no limit while it may come back).");

    public Option<bool> Balance { get; } = Switch("--balance", "Spread connections over all ready pods of a service or workload, the least busy first.");

    public Option<int> MaxTunnels { get; } = new("--max-tunnels")
    {
        HelpName = "NUMBER",
        Description = "The most tunnels; at the limit connections share those that nothing blocks (default 256). 1 is kubectl's way.",
    };

    public Option<int> WarmConnections { get; } = new("--warm-connections")
    {
        HelpName = "NUMBER",
        Description = "TLS connections to the API server kept open in advance for 2m after the start or the last new tunnel; they save a burst two round trips (default 6).",
    };

    public Option<string> LivenessTimeout { get; } = Text("--liveness-timeout", "DURATION",
        "How long a tunnel may be silent before it counts as dead; it is pinged three times in that time (default 15s).");

    public Option<string> HalfCloseTimeout { get; } = Text("--half-close-timeout", "DURATION",
        "How long the pod must be silent before a client's end of sending is passed on, since runtimes cut the answer 1s after it (default 5s).");

    public Option<string> DrainTimeout { get; } = Text("--drain-timeout", "DURATION",
        "How long open connections may go on after the first signal; a second one ends them at once (default 0s).");

    public Option<string> Transport { get; } = Text("--transport", "NAME",
        "How tunnels are carried: websocket, spdy or channel, or auto, which takes the first of these that gets through (default auto).");

    public Option<string> Stdio { get; } = Text("--stdio", "TARGET:PORT",
        "Connect stdin and stdout to a port instead of listening, as ssh -W does.", "-W");

    public Option<bool> NoTemplates { get; } = Switch("--no-templates", "Pass {{NAME.port}} and the like on to the command as they are.");

    public Option<string> Filename { get; } = Text("--filename", "FILE",
        "The file for pf up, check and init (default: pf.yaml or .pf.yaml here or above, up to the repository's root, or the user's own). - is stdin, and stdout for init.", "-f");

    public Option<string> Namespace { get; } = Text("--namespace", "NAMESPACE", "The namespace of the target (default: the context's).", "-n");

    public Option<string> Context { get; } = Text("--context", "NAME", "The kubeconfig context to use.");

    public Option<string> Cluster { get; } = Text("--cluster", "NAME", "The kubeconfig cluster to use.");

    public Option<string> User { get; } = Text("--user", "NAME", "The kubeconfig user to use.");

    public Option<string> Kubeconfig { get; } = Text("--kubeconfig", "FILE", "The kubeconfig file (default: $KUBECONFIG, a list, or ~/.kube/config).");

    public Option<string> Server { get; } = Text("--server", "URL", "The address of the API server.", "-s");

    public Option<string> Token { get; } = Text("--token", "TOKEN", "A bearer token for the API server.");

    public Option<string> Username { get; } = Text("--username", "NAME", "A user name for basic authentication.");

    public Option<string> Password { get; } = Text("--password", "PASSWORD", "The password to --username.");

    public Option<string> CertificateAuthority { get; } = Text("--certificate-authority", "FILE", "The certificates to trust for the API server.");

    public Option<string> ClientCertificate { get; } = Text("--client-certificate", "FILE", "A client certificate, PEM.");

    public Option<string> ClientKey { get; } = Text("--client-key", "FILE", "The key to --client-certificate, PEM.");

    public Option<bool> InsecureSkipTlsVerify { get; } = Switch("--insecure-skip-tls-verify", "Do not check the API server's certificate: anyone in between can read everything.");

    public Option<string> TlsServerName { get; } = Text("--tls-server-name", "NAME", "The name that the API server's certificate must bear, if not the address's.");

    public Option<string> As { get; } = Text("--as", "USER", "The user to act as.");

    public Option<string[]> AsGroup { get; } = List("--as-group", "GROUP", "A group to act as; repeatable.");

    public Option<string> AsUid { get; } = Text("--as-uid", "UID", "The user id to act as.");

    public Option<string[]> AsUserExtra { get; } = List("--as-user-extra", "KEY=VALUE", "Extra information on the user to act as; repeatable.");

    public Option<string> RequestTimeout { get; } = Text("--request-timeout", "DURATION",
        "How long a look-up or the opening of a tunnel may take, as in 10s; 0 is no limit. It never ends a tunnel.");

    public Option<int> Verbosity { get; } = new("--v", "-v") { HelpName = "LEVEL", Description = "Diagnostics on stderr: 4 connections, 6 requests, 8 everything." };

    public Option<bool> Verbose { get; } = Switch("--verbose", "One line on stderr for everything that happens, and stack traces for errors.");

    public Option<bool> Quiet { get; } = Switch("--quiet", "No line for each connection, and none at the end.", "-q");

    public Option<string> Output { get; } = Text("--output", "FORMAT", "How stdout is written: text, which are kubectl's lines, or json, one object a line (default text).", "-o");

    public Option<string> PortsFile { get; } = Text("--ports-file", "FILE",
        "Write where the forwards can be reached to a file, whole, once all are ready; it is removed at the end. - is stdout.");

    public Option<string> PortsFileFormat { get; } = Text("--ports-file-format", "FORMAT", "How that file is written: json, or env, as NAME=VALUE lines (default json).");

    public Option<string> LogFormat { get; } = Text("--log-format", "FORMAT", "How stderr is written: text or json, one object a line (default text).");

    public Option<bool> Help { get; } = Switch("--help", "Show this help.", "-h");

    public Option<bool> Version { get; } = Switch("--version", "Show the version.");

    /// <summary>Flags of kubectl that are accepted so that its command lines work, and that do nothing here.</summary>
    public IReadOnlyList<Option> WithoutEffect { get; } =
    [
        Text("--cache-dir", "DIR"),
        Text("--kuberc", "FILE"),
        Text("--log-flush-frequency", "DURATION"),
        Text("--profile", "NAME"),
        Text("--profile-output", "FILE"),
        Text("--vmodule", "PATTERNS"),
        Switch("--disable-compression"),
        Switch("--match-server-version"),
        Switch("--warnings-as-errors"),
    ];

    /// <summary>The flags in the order of the help text, by group.</summary>
    public IReadOnlyList<(string Title, IReadOnlyList<Option> Options)> Groups =>
    [
        ("Forwarding", [Selector, Address, Stdio, PodRunningTimeout, Balance, HalfCloseTimeout, DrainTimeout, MaxTunnels, WarmConnections, Transport]),
        ("Running a command", [NoTemplates]),
        ("Forwards of a file", [Filename]),
        ("Staying alive", [NoReconnect, HoldTimeout, ReconnectTimeout, LivenessTimeout]),
        ("Cluster", [Namespace, Context, Cluster, User, Kubeconfig, Server, TlsServerName, CertificateAuthority, InsecureSkipTlsVerify, RequestTimeout]),
        ("Credentials", [Token, ClientCertificate, ClientKey, Username, Password, As, AsGroup, AsUid, AsUserExtra]),
        ("Output", [Quiet, Output, PortsFile, PortsFileFormat, Verbose, Verbosity, LogFormat, Help, Version]),
    ];

    /// <summary>All flags.</summary>
    public IEnumerable<Option> All => Groups.SelectMany(group => group.Options).Concat(WithoutEffect);

    private static Option<string> Text(string name, string valueName, string? description = null, params string[] aliases) =>
        new(name, aliases) { HelpName = valueName, Description = description };

    private static Option<string[]> List(string name, string valueName, string description) =>
        new(name) { HelpName = valueName, Description = description, Arity = ArgumentArity.OneOrMore };

    private static Option<bool> Switch(string name, string? description = null, params string[] aliases) => new(name, aliases) { Description = description };
}
