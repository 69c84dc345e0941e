namespace PortForward.Cli.Output;

/// <summary>The types of events in JSON. Programs rely on them: a type may be added, none is renamed.</summary>
internal static class EventTypes
{
    /// <summary>Something failed; if it is the last event, it has ended the program.</summary>
    public const string Error = "error";

    /// <summary>Something that the user should know.</summary>
    public const string Note = "note";

    /// <summary>What is waited for before the start can go on.</summary>
    public const string Waiting = "waiting";

    /// <summary>That wait is over.</summary>
    public const string Running = "running";

    /// <summary>A listener is open; on stdout only.</summary>
    public const string Listening = "listening";

    /// <summary>All forwards of the run are ready; on stdout only.</summary>
    public const string AllReady = "all-ready";

    /// <summary>A client has connected; on stdout only.</summary>
    public const string Connection = "connection";

    /// <summary>A forward has ended; on stdout only.</summary>
    public const string End = "end";

    /// <summary>Connections are served.</summary>
    public const string Ready = "ready";

    /// <summary>A transport does not get through.</summary>
    public const string TransportFailed = "transport-failed";

    /// <summary>A connection has failed.</summary>
    public const string ConnectionFailed = "connection-failed";

    /// <summary>More connections have failed in the same way.</summary>
    public const string ConnectionsFailed = "connections-failed";

    /// <summary>A connection has ended, well or not.</summary>
    public const string ConnectionClosed = "connection-closed";

    /// <summary>The pod is lost.</summary>
    public const string Lost = "lost";

    /// <summary>There is a pod again.</summary>
    public const string Back = "back";

    /// <summary>New connections go to another pod.</summary>
    public const string Moved = "moved";

    /// <summary>The pods that connections are spread over have changed.</summary>
    public const string Serving = "serving";

    /// <summary>All tunnels that there may be are in use.</summary>
    public const string Saturated = "saturated";

    /// <summary>Credentials cannot be renewed, and only a login helps.</summary>
    public const string LoginNeeded = "login-needed";

    /// <summary>The end was asked for, and connections are still open.</summary>
    public const string Draining = "draining";

    /// <summary>A diagnostic line of a library.</summary>
    public const string Log = "log";
}
