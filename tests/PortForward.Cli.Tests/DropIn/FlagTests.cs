using static PortForward.Cli.Tests.DropIn.DropInCase;

namespace PortForward.Cli.Tests.DropIn;

/// <summary>Flags: where they stand, how they are spelled, and what their values may be.</summary>
public sealed class FlagTests(DropInCluster cluster) : IClassFixture<DropInCluster>
{
    public static TheoryData<string> Names => NamesOf(Cases);

    internal static IReadOnlyList<DropInCase> Cases { get; } =
    [
        Serves("-nkube-system elsewhere :7000"),
        Serves("-n=kube-system elsewhere :7000").Thorough(),
        Serves("--namespace kube-system elsewhere :7000").Thorough(),
        Serves("--namespace=kube-system elsewhere :7000").Thorough(),
        Serves("elsewhere -n kube-system :7000").Thorough(),
        Serves("elsewhere :7000 -n kube-system").Thorough(),
        Serves("-n nowhere -n kube-system elsewhere :7000"),
        Serves("-n '' solo :7000").Thorough(),
        Serves("--namespace= solo :7000").Thorough(),
        Serves("-- solo :7000").Thorough(),
        Serves("solo -- :7000").Thorough(),
        Serves("--insecure-skip-tls-verify=false solo :7000").Thorough(),
        Serves("--insecure-skip-tls-verify=F solo :7000"),
        Serves("--match-server-version=f solo :7000").Thorough(),
        Serves("--help=false solo :7000").Thorough(),
        Serves("--disable-compression --warnings-as-errors solo :7000").Thorough(),
        Serves("--cache-dir {folder}/cache --profile none --profile-output {folder}/profile --log-flush-frequency 5s --vmodule x=1 solo :7000"),
        Serves("--kuberc {folder}/kuberc solo :7000").With(around => around.Write("kuberc", "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n")).Thorough(),
        Serves("--kuberc {folder}/nope solo :7000").ButKubectl(Ending.Fails, "kuberc", "error occurred while applying preferences kuberc error kuberc: open */nope: no such file or directory"),
        Serves("--token {token} --server {server} solo :7000"),
        Serves("-s {server} solo :7000").Thorough(),
        Serves("-s={server} solo :7000").Thorough(),
        Serves("--token wrong --token {token} solo :7000").Thorough(),
        Serves("--kubeconfig {folder}/kubeconfig --context test --cluster test --user test solo :7000"),
        Serves("-v 0 solo :7000").Thorough(),
        Serves("-v=4 solo :7000"),
        Serves("-v4 solo :7000").Thorough(),
        Serves("--v=10 solo :7000").Thorough(),
        Serves("-v -1 solo :7000").Thorough(),

        Serves("--address 127.0.0.1 solo :7000", listeners: 1).Thorough(),
        Serves("--address=127.0.0.1 solo :7000 :8080", listeners: 2).Thorough(),
        Serves("--address 127.0.0.1,127.0.0.2 solo :7000", listeners: 2),
        Serves("--address 127.0.0.1 --address 127.0.0.2 solo :7000", listeners: 2).Thorough(),
        Serves("--address ::1 solo :7000", listeners: 1).Thorough(),
        Serves("--address 127.0.0.1,::1 solo :7000", listeners: 2).Thorough(),
        Serves("--address ::1,127.0.0.1 solo :7000", listeners: 2),
        Serves("--address 0:0:0:0:0:0:0:1 solo :7000", listeners: 1).PrintingOtherwise("address-spelling").Thorough(),
        Serves("--address ::ffff:127.0.0.1 solo :7000", listeners: 1).PrintingOtherwise("address-spelling"),
        Serves("--address localhost solo :7000").Thorough(),
        Serves("--address localhost,127.0.0.1 solo :7000").Thorough(),
        Serves("--address 127.0.0.1,localhost solo :7000").Thorough(),
        Serves("--address 127.0.0.1,127.0.0.1 solo :7000", listeners: 1).Thorough(),
        Serves("--address localhost,127.0.0.2 solo :7000", listeners: 3),
        Serves("--address 0.0.0.0 solo :7000", listeners: 1)
            .InOtherWords("notes", null, "note: 0.0.0.0:* can be reached from other machines"),
        Serves("--address :: solo :7000", listeners: 1)
            .InOtherWords("notes", null, "note: [::]:* can be reached from other machines").Thorough(),
        Fails("--address 192.0.2.1 solo :7000")
            .InOtherWords("clearer-words", "Unable to listen on port 0: Listeners failed to create with the following errors: [unable to create listener: Error list*", "Unable to listen on port 0: 192.0.2.1:0: this machine does not have the address (choose another --address)"),
        Fails("--address 127.0.0.1,192.0.2.1 solo :7000")
            .InOtherWords("nothing-before-failure", "Unable to listen on port *: Listeners failed to create with the following errors: [unable to create listener: Error list*", "Unable to listen on port 0: 192.0.2.1:*: this machine does not have the address (choose another --address)"),
        Fails("--address 300.1.1.1 solo :7000"),
        Fails("--address 1.2.3 solo :7000"),
        Fails("--address 127.0.0.01 solo :7000")
            .InOtherWords("clearer-words", "Unable to listen on port 0: Listeners failed to create with the following errors: [unable to create listener: Error list*", "error: 127.0.0.01 is not a valid IP"),
        Fails("--address [::1] solo :7000"),
        Fails("--address ::1%lo solo :7000"),
        Fails("--address host.invalid solo :7000"),
        Fails("--address Localhost solo :7000"),
        Fails("--address '' solo :7000"),
        Fails("--address= solo :7000"),
        Fails("--address 127.0.0.1, solo :7000"),

        Serves("--pod-running-timeout=90s solo :7000").Thorough(),
        Serves("--pod-running-timeout 1m30s solo :7000").Thorough(),
        Serves("--pod-running-timeout 1h2m3s4ms5us6ns solo :7000"),
        Serves("--pod-running-timeout 1.5h solo :7000").Thorough(),
        Serves("--pod-running-timeout .5m solo :7000").Thorough(),
        Serves("--pod-running-timeout +5s solo :7000").Thorough(),
        Fails("--pod-running-timeout 5 solo :7000")
            .InOtherWords("clearer-words", "error: invalid argument \"5\" for \"--pod-running-timeout\" flag: time: missing unit in duration \"5\"", "error: invalid argument \"5\" for \"--pod-running-timeout\" flag: a duration looks like 30s or 1m30s"),
        Fails("--pod-running-timeout 0 solo :7000"),
        Fails("--pod-running-timeout 0s solo :7000"),
        Fails("--pod-running-timeout -1s solo :7000"),
        Fails("--pod-running-timeout soon solo :7000")
            .InOtherWords("clearer-words", "error: invalid argument \"soon\" for \"--pod-running-timeout\" flag: time: invalid duration \"soon\"", "error: invalid argument \"soon\" for \"--pod-running-timeout\" flag: a duration looks like 30s or 1m30s"),
        Fails("--pod-running-timeout 5d solo :7000")
            .InOtherWords("clearer-words", "error: invalid argument \"5d\" for \"--pod-running-timeout\" flag: time: unknown unit \"d\" in duration \"5d\"", "error: invalid argument \"5d\" for \"--pod-running-timeout\" flag: a duration looks like 30s or 1m30s"),
        Fails("--pod-running-timeout= solo :7000")
            .InOtherWords("clearer-words", "error: invalid argument \"\" for \"--pod-running-timeout\" flag: time: invalid duration \"\"", "error: invalid argument \"\" for \"--pod-running-timeout\" flag: a duration looks like 30s or 1m30s"),
        Fails("--pod-running-timeout 9999999h solo :7000")
            .InOtherWords("clearer-words", "error: invalid argument \"9999999h\" for \"--pod-running-timeout\" flag: time: invalid duration \"9999999h\"", "error: invalid argument \"9999999h\" for \"--pod-running-timeout\" flag: a duration looks like 30s or 1m30s"),
        Serves("--request-timeout 0 solo :7000").Thorough(),
        Serves("--request-timeout 5 solo :7000").Thorough(),
        Serves("--request-timeout 5s solo :7000").Thorough(),
        Serves("--request-timeout 1m30s solo :7000").Thorough(),
        Serves("--request-timeout= solo :7000"),
        Fails("--request-timeout junk solo :7000")
            .InOtherWords("clearer-words", "error: Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)", "error: invalid argument \"junk\" for \"--request-timeout\" flag: a duration looks like 30s or 1m30s"),
        Fails("--request-timeout 5x solo :7000")
            .InOtherWords("clearer-words", "error: Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)", "error: invalid argument \"5x\" for \"--request-timeout\" flag: a duration looks like 30s or 1m30s"),
        Fails("--request-timeout 1.5 solo :7000")
            .InOtherWords("clearer-words", "error: Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)", "error: invalid argument \"1.5\" for \"--request-timeout\" flag: a duration looks like 30s or 1m30s"),

        Prints("--help").InOtherWords("help-text", kubectl: null, pf: null),
        Prints("-h").InOtherWords("help-text", kubectl: null, pf: null),
        Prints("solo :7000 --help").InOtherWords("help-text", kubectl: null, pf: null),
        Prints("-h solo").InOtherWords("help-text", kubectl: null, pf: null),
        Fails("--bogus solo :7000"),
        Fails("solo :7000 --bogus"),
        Fails("--bogus=1 solo :7000"),
        Fails("--help --bogus"),
        Fails("--name kube-system elsewhere :7000", "no abbreviation"),
        Fails("--Namespace kube-system elsewhere :7000")
            .InOtherWords("clearer-words", "error: unknown flag: --Namespace", "error: unknown flag: --Namespace (did you mean --namespace?)"),
        Fails("-x solo :7000"),
        Fails("-nx solo :7000"),
        Fails("-hx"),
        Fails("-A solo :7000"),
        Fails("---n x solo :7000"),
        Fails("--=x solo :7000"),
        Fails("solo :7000 -n"),
        Fails("solo :7000 --namespace"),
        Fails("solo :7000 -v"),
        Fails("-v solo :7000")
            .InOtherWords("clearer-words", "error: invalid argument \"solo\" for \"-v, --v\" flag: strconv.ParseInt: parsing \"solo\": invalid syntax", "error: invalid argument \"solo\" for \"-v, --v\" flag: a whole number is expected"),
        Fails("-v high solo :7000")
            .InOtherWords("clearer-words", "error: invalid argument \"high\" for \"-v, --v\" flag: strconv.ParseInt: parsing \"high\": invalid syntax", "error: invalid argument \"high\" for \"-v, --v\" flag: a whole number is expected"),
        Fails("-v= solo :7000")
            .InOtherWords("clearer-words", "error: invalid argument \"=\" for \"-v, --v\" flag: strconv.ParseInt: parsing \"=\": invalid syntax", "error: invalid argument \"\" for \"-v, --v\" flag: a whole number is expected"),
        Fails("-v=1.5 solo :7000")
            .InOtherWords("clearer-words", "error: invalid argument \"1.5\" for \"-v, --v\" flag: strconv.ParseInt: parsing \"1.5\": invalid syntax", "error: invalid argument \"1.5\" for \"-v, --v\" flag: a whole number is expected"),
        Fails("--insecure-skip-tls-verify=maybe solo :7000")
            .InOtherWords("clearer-words", "error: invalid argument \"maybe\" for \"--insecure-skip-tls-verify\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax", "error: invalid argument \"maybe\" for \"--insecure-skip-tls-verify\" flag: true or false is expected"),
        Fails("--insecure-skip-tls-verify false solo :7000"),
        Fails("--context nope solo :7000")
            .InOtherWords("clearer-words", "Error in configuration: context was not found for specified context: nope", "error: context \"nope\" does not exist: see the contexts in the kubeconfig"),
        Fails("--cluster nope solo :7000")
            .InOtherWords("clearer-words", "error: no server found for cluster \"nope\"", "error: cluster \"nope\" does not exist in the kubeconfig"),
        Fails("--user nope solo :7000")
            .InOtherWords("clearer-words", "error: auth info \"nope\" does not exist", "error: auth info \"nope\" does not exist in the kubeconfig"),
        Fails("--context test --cluster nope solo :7000")
            .InOtherWords("clearer-words", "error: no server found for cluster \"nope\"", "error: cluster \"nope\" does not exist in the kubeconfig").Thorough(),
        Fails("--kubeconfig {folder}/nope solo :7000")
            .InOtherWords("clearer-words", "error: stat */nope: no such file or directory", "error: the kubeconfig */nope does not exist: check --kubeconfig"),
        Fails("--as-group devs solo :7000")
            .InOtherWords("clearer-words", "error: requesting uid, groups or user-extra for test without impersonating a user", "error: requesting uid, groups or user-extra for test without impersonating a user: add --as"),
        Fails("--as-uid 1000 solo :7000")
            .InOtherWords("clearer-words", "error: requesting uid, groups or user-extra for test without impersonating a user", "error: requesting uid, groups or user-extra for test without impersonating a user: add --as").Thorough(),
        Fails("--as-user-extra reason=test solo :7000")
            .InOtherWords("clearer-words", "error: requesting uid, groups or user-extra for test without impersonating a user", "error: requesting uid, groups or user-extra for test without impersonating a user: add --as"),
        Fails("--as admin --as-user-extra nope solo :7000")
            .ButKubectl(Ending.Serves, "extra-without-value", pf: "error: invalid argument \"nope\" for \"--as-user-extra\" flag: it looks like KEY=VALUE"),
        Serves("--as admin --as-user-extra nope= solo :7000").Thorough(),
        Fails("-W solo").ButKubectl(
            Ending.Fails, "stdio", "error: unknown shorthand flag: 'W' in -W", "error: invalid argument \"solo\" for \"-W\" flag: a target and a port belong together*"),
        Fails("-f pf.yaml solo :7000").ButKubectl(Ending.Fails, "own-flags", "error: unknown shorthand flag: 'f' in -f", "error: -f goes with pf up, pf check and pf init*"),
        Prints("--version").ButKubectl(Ending.Fails, "own-flags", "error: unknown flag: --version"),
        Serves("--verbose solo :7000").ButKubectl(Ending.Fails, "own-flags", "error: unknown flag: --verbose", "ready: pod solo in namespace default, after *").Thorough(),
        Serves("--log-format text solo :7000").ButKubectl(Ending.Fails, "own-flags", "error: unknown flag: --log-format").Thorough(),
    ];

    [DropInTheory]
    [MemberData(nameof(Names))]
    public Task Pf_takes_flags_as_kubectl_does(string name) => cluster.CompareAsync(Cases.Single(one => one.Name == name));
}
