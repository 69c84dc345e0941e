using PortForward.Testing.PortForwarding;

namespace PortForward.Cluster.Tests.Matrix;

/// <summary>What a server, or something on the way to it, makes of a transport that it does not know.</summary>
internal static class Gatekeeper
{
    public const string
        NotAllowed = "403", BadRequest = "400", NotLoggedIn = "401", NoSuchPage = "404",
        SlowDown = "429", NoSuchMethod = "405", WantsUpgrade = "426", ServerError = "500", BadGateway = "502", Unavailable = "503",
        WrongProtocol = "another protocol", WrongAccept = "a wrong Sec-WebSocket-Accept", Closes = "101, then the end",
        Silent = "101, then silence", DropsMessages = "101, and binary messages are dropped";

    /// <summary>Those that show at once. <see cref="WrongAccept"/> exists for WebSockets only.</summary>
    public static readonly string[] Quick =
        [NotAllowed, BadRequest, NotLoggedIn, NoSuchPage, NoSuchMethod, WantsUpgrade, ServerError, BadGateway, Unavailable, WrongProtocol, WrongAccept, Closes];

    /// <summary>Those that only show when nothing has come back for a while.</summary>
    public static readonly string[] Slow = [Silent, DropsMessages];

    public static TransportAnswer Answer(string name) => name switch
    {
        WrongProtocol => TransportAnswer.WrongProtocol,
        WrongAccept => TransportAnswer.WrongAccept,
        Closes => TransportAnswer.CloseAfterUpgrade,
        Silent => TransportAnswer.SilenceAfterUpgrade,
        DropsMessages => TransportAnswer.DropBinaryMessages,
        _ => TransportAnswer.Refuse(int.Parse(name), $"<html><body>{name}, says the gateway</body></html>"),
    };
}
