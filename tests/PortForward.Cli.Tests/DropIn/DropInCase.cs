namespace PortForward.Cli.Tests.DropIn;

/// <summary>How a program takes a command line.</summary>
internal enum Ending
{
    /// <summary>It forwards, until it is interrupted.</summary>
    Serves,

    /// <summary>It ends with an error.</summary>
    Fails,

    /// <summary>It prints something and ends well, as for <c>--help</c>.</summary>
    Prints,
}

/// <summary>
/// A command line, given to kubectl (as <c>kubectl port-forward …</c>) and to pf (as <c>pf …</c>). Both must do the same, unless the case names
/// a difference, which must be one of docs/differences.md.
/// </summary>
/// <param name="Name">The case's name: the command line, and what is special about its surroundings.</param>
/// <param name="Arguments">
/// The arguments with blanks between them, <c>''</c> for an empty one. <c>{free}</c> stands for a local port that is free, and on which the pod
/// "solo" echoes; then the programs run one after the other. <c>{folder}</c>, <c>{server}</c>, <c>{token}</c>, <c>{password}</c> stand for those of the case.
/// </param>
/// <param name="Kubectl">What kubectl does.</param>
/// <param name="Pf">What pf does.</param>
internal sealed record DropInCase(string Name, string Arguments, Ending Kubectl, Ending Pf)
{
    /// <summary>How many listeners there are when the forward serves; as many as localhost has addresses when it is 0.</summary>
    public int Listeners { get; private init; }

    /// <summary>How many ports are asked for on localhost.</summary>
    public int Ports { get; private init; } = 1;

    /// <summary>The difference that is wanted here; null where both must do the same.</summary>
    public string? Difference { get; private init; }

    /// <summary>With a difference: what kubectl's first line on stderr looks like (<c>*</c> stands for anything); null when it does not matter.</summary>
    public string? KubectlSays { get; private init; }

    /// <summary>With a difference: what pf's first line on stderr looks like; null when there must be none.</summary>
    public string? PfSays { get; private init; }

    /// <summary>With a difference: whether it shows on stdout.</summary>
    public bool HasOtherOutput { get; private init; }

    /// <summary>Whether the case is for thorough runs only (PF_TEST_FULL=true), since others show nearly the same.</summary>
    public bool IsThorough { get; private init; }

    /// <summary>pf's exit code when it fails.</summary>
    public int FailureCode { get; private init; } = 1;

    /// <summary>Makes what the case needs around it.</summary>
    public Action<CaseSurroundings>? SetUp { get; private init; }

    /// <summary>Whether the programs must not run at the same time, e.g. because they listen on the same port.</summary>
    public bool OneAfterTheOther { get; private init; }

    public static DropInCase Serves(string arguments, string? about = null, int ports = 1, int listeners = 0) =>
        new(NameOf(arguments, about), arguments, Ending.Serves, Ending.Serves)
        {
            Ports = ports,
            Listeners = listeners,
            OneAfterTheOther = arguments.Contains("{free", StringComparison.Ordinal),
        };

    public static DropInCase Fails(string arguments, string? about = null, int ports = 1) =>
        new(NameOf(arguments, about), arguments, Ending.Fails, Ending.Fails) { Ports = ports };

    public static DropInCase Prints(string arguments) => new(arguments, arguments, Ending.Prints, Ending.Prints);

    /// <summary>The names of the cases to run.</summary>
    public static TheoryData<string> NamesOf(IEnumerable<DropInCase> cases)
    {
        bool isFull = string.Equals(Environment.GetEnvironmentVariable("PF_TEST_FULL"), "true", StringComparison.OrdinalIgnoreCase);
        return [.. cases.Where(one => isFull || !one.IsThorough).Select(one => one.Name)];
    }

    /// <summary>With another exit code of pf's when it fails.</summary>
    public DropInCase EndingWith(int exitCode) => this with { FailureCode = exitCode };

    /// <summary>Only in thorough runs.</summary>
    public DropInCase Thorough() => this with { IsThorough = true };

    /// <summary>With something around it.</summary>
    public DropInCase With(Action<CaseSurroundings> setUp) => this with { SetUp = setUp };

    /// <summary>With this text for a kubeconfig.</summary>
    public DropInCase WithKubeconfig(Func<CaseSurroundings, string> text) => With(around => around.Write("kubeconfig", text(around)));

    /// <summary>With these fields of the kubeconfig's user.</summary>
    public DropInCase WithUser(Func<CaseSurroundings, string> fields) => WithKubeconfig(around => around.Yaml(user: fields(around)));

    /// <summary>With programs that run one after the other.</summary>
    public DropInCase InTurn() => this with { OneAfterTheOther = true };

    /// <summary>Both do the same, but what they say on stderr differs.</summary>
    /// <param name="difference">The difference's name in docs/differences.md.</param>
    /// <param name="kubectl">What kubectl's first line looks like (<c>*</c> stands for anything).</param>
    /// <param name="pf">What pf's first line looks like.</param>
    public DropInCase InOtherWords(string difference, string? kubectl, string? pf) =>
        this with { Difference = difference, KubectlSays = kubectl, PfSays = pf };

    /// <summary>Both serve, but what they print differs.</summary>
    /// <param name="difference">The difference's name in docs/differences.md.</param>
    public DropInCase PrintingOtherwise(string difference) => this with { Difference = difference, HasOtherOutput = true };

    /// <summary>The case was written for what pf does; kubectl does something else.</summary>
    /// <param name="difference">The difference's name in docs/differences.md.</param>
    /// <param name="kubectl">How kubectl takes it.</param>
    /// <param name="kubectlSays">What kubectl's first line on stderr looks like.</param>
    /// <param name="pf">What pf's first line on stderr looks like; null for none.</param>
    public DropInCase ButKubectl(Ending kubectl, string difference, string? kubectlSays = null, string? pf = null) =>
        this with { Kubectl = kubectl, Difference = difference, KubectlSays = kubectlSays, PfSays = pf };

    public override string ToString() => Name;

    private static string NameOf(string arguments, string? about) => about is null ? arguments : $"{arguments} ({about})";
}
