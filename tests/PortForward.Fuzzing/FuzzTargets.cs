using PortForward.Fuzzing.Engine;
using PortForward.Fuzzing.Targets;

namespace PortForward.Fuzzing;

/// <summary>The targets, and the inputs that they begin with.</summary>
internal static class FuzzTargets
{
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new SpdySessionTarget(),
        new SpdyTunnelTarget(),
        new WebSocketFramesTarget(),
        new ChannelMessagesTarget(),
        new UpgradeAnswerTarget(),
        new RetryAfterTarget(),
        new ApiStatusTarget(),
        new ApiObjectTarget(),
        new WatchTarget(),
        new KubeconfigTarget(),
        new TokenWriteBackTarget(),
        new PluginOutputTarget(),
        new IdentityProviderTarget(),
        new ProxyAnswerTarget(),
        new ProxySettingsTarget(),
        new CommandLineTarget(),
        new RunFileTarget(),
        new UntrustedTextTarget(),
    ];

    /// <summary>A target by its name; null if there is none.</summary>
    public static FuzzTarget? Find(string name) => All.FirstOrDefault(target => target.Name == name);

    /// <summary>A target's inputs.</summary>
    public static IReadOnlyList<FuzzInput> Corpus(FuzzTarget target) => InputFile.ReadAll(Path.Combine(AppContext.BaseDirectory, "Corpus", target.Name));

    /// <summary>The input of a known fault.</summary>
    public static FuzzInput Input(KnownFault known) => InputFile.Read(Path.Combine(AppContext.BaseDirectory, "Known", known.Target, known.File));
}
