using System.Diagnostics;
using PortForward.Cli.Tests.Support;

namespace PortForward.Cli.Tests;

/// <summary>What the program is started with: ignored signals, closed streams, files that block, few descriptors.</summary>
public sealed class SurroundingsTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>
{
    [UnixTheory]
    [InlineData("INT", PfProcess.Interrupt)]
    [InlineData("TERM", PfProcess.Terminate)]
    public async Task A_signal_ends_it_though_it_was_started_with_that_signal_ignored(string name, int signal)
    {
        await using PfProcess pf = StartInShell($"trap '' {name}; exec \"$@\"", "pod/solo", $":{ClusterFixture.Echo}");
        await pf.LocalPortAsync(ClusterFixture.Echo);

        pf.Signal(signal);

        (await pf.ExitAsync()).Should().Be(0);
        pf.Error.Should().BeEmpty();
    }

    [UnixFact]
    public async Task Ctrl_C_on_a_script_reaches_it_in_the_background()
    {
        // A shell without job control ignores SIGINT and SIGQUIT for what it starts in the background.
        await using PfProcess script = StartInShell("\"$@\" & echo pid $!; wait $!; echo exit $?", "pod/solo", $":{ClusterFixture.Echo}");
        int id = int.Parse((await script.OutputLineAsync(line => line.StartsWith("pid ", StringComparison.Ordinal)))[4..]);
        await script.LocalPortAsync(ClusterFixture.Echo);

        PfProcess.Signal(id, PfProcess.Interrupt);

        await script.OutputLineAsync(line => line == "exit 0");
        await script.ExitAsync();
    }

    [UnixFact]
    public async Task A_hangup_that_was_ignored_stays_so()
    {
        await using PfProcess pf = StartInShell("trap '' HUP; exec \"$@\"", "pod/solo", $":{ClusterFixture.Echo}");
        int port = await pf.LocalPortAsync(ClusterFixture.Echo);

        pf.Signal(PfProcess.Hangup);

        using Client client = await Client.ConnectAsync(port);
        await client.SendAsync("alive");
        (await client.ReceiveAsync(5)).Should().Be("alive");
        pf.Signal(PfProcess.Interrupt);
        (await pf.ExitAsync()).Should().Be(0);
    }

    [UnixTheory]
    [InlineData("KUBECONFIG", PfProcess.Interrupt)]
    [InlineData("KUBECONFIG", PfProcess.Terminate)]
    [InlineData("KUBECONFIG", PfProcess.Hangup)]
    [InlineData("--certificate-authority", PfProcess.Interrupt)]
    [InlineData("--client-certificate", PfProcess.Terminate)]
    public async Task A_file_that_blocks_does_not_make_it_deaf_to_signals(string file, int signal)
    {
        string pipe = fixture.PathOf($"pipe{Guid.NewGuid():N}");
        using (Process make = Process.Start("mkfifo", pipe))
        {
            await make.WaitForExitAsync();
        }

        bool isKubeconfig = file == "KUBECONFIG";
        string[] flags = isKubeconfig ? [] : file == "--client-certificate" ? [file, pipe, "--client-key", pipe] : [file, pipe];

        // The shell opens the pipe's other end, which succeeds only once the program has opened its own: it is blocked from then on, with its signal handlers in place.
        ProcessStartInfo command = PfProcess.Command(isKubeconfig ? pipe : fixture.Kubeconfig, [.. flags, "pod/solo", $":{ClusterFixture.Echo}"]);
        await using PfProcess script = PfProcess.Start(PfProcess.InShell(command, $"\"$@\" & echo pid $!; exec 9>'{pipe}'; echo blocked; wait $!; echo exit $?"));
        int id = int.Parse((await script.OutputLineAsync(line => line.StartsWith("pid ", StringComparison.Ordinal)))[4..]);
        await script.OutputLineAsync(line => line == "blocked");

        long signalled = Stopwatch.GetTimestamp();
        PfProcess.Signal(id, signal);

        await script.OutputLineAsync(line => line == "exit 0");
        Stopwatch.GetElapsedTime(signalled).Should().BeLessThan(TimeSpan.FromSeconds(10));
        await script.ExitAsync();
    }

    [UnixTheory]
    [InlineData("<&-", 0, "")]
    [InlineData(">&-", 141, "error: stdout cannot be written: it was closed before pf started; redirect it to /dev/null if its lines are not wanted")]
    [InlineData("<&- >&-", 141, "error: stdout cannot be written: it was closed before pf started; redirect it to /dev/null if its lines are not wanted")]
    [InlineData("2>&-", 0, "")]
    [InlineData("<&- 2>&-", 0, "")]
    [InlineData(">&- 2>&-", 141, "")]
    [InlineData("<&- >&- 2>&-", 141, "")]
    public async Task Closed_standard_streams_do_no_harm(string closed, int exitCode, string error)
    {
        await using PfProcess pf = StartInShell($"exec \"$@\" {closed}", "pod/solo", $":{ClusterFixture.Echo}");
        if (exitCode == 0)
        {
            using (Client client = await Client.ConnectAsync(await pf.LocalPortAsync(ClusterFixture.Echo)))
            {
                await client.SendAsync("alive");
                (await client.ReceiveAsync(5)).Should().Be("alive");
            }

            pf.Signal(PfProcess.Interrupt);
        }

        (await pf.ExitAsync()).Should().Be(exitCode);
        string.Join('\n', pf.Error).Should().Be(error);
    }

    [UnixTheory]
    [InlineData("pod/solo :7000")]
    [InlineData("--help")]
    [InlineData("--version")]
    public async Task A_full_disk_under_stdout_is_told_before_the_end(string arguments)
    {
        if (!File.Exists("/dev/full"))
        {
            return; // Only Linux has a disk that is always full.
        }

        await using PfProcess pf = StartInShell("exec \"$@\" > /dev/full", arguments.Split(' '));

        (await pf.ExitAsync()).Should().Be(1);
        pf.Error.Should().Equal("error: stdout cannot be written: No space left on device");
    }

    [UnixFact]
    public async Task With_few_descriptors_everybody_is_served_though_some_have_to_wait()
    {
        // The runtime that the tests use needs more than a hundred for itself.
        await using PfProcess pf = StartInShell("ulimit -n 256; exec \"$@\"", "--address", "127.0.0.1", "pod/solo", $":{ClusterFixture.Echo}");
        int port = await pf.LocalPortAsync(ClusterFixture.Echo);
        for (int round = 0; round < 2; round++)
        {
            Client[] silent = await Task.WhenAll(Enumerable.Range(0, 150).Select(_ => Client.ConnectAsync(port)));
            foreach (Client client in silent)
            {
                client.Dispose();
            }

            await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => EchoAsync(port)));
        }

        pf.Error.Should().ContainSingle().Which.Should().StartWith("the limit of open files (ulimit -n: 256) is reached: new connections wait");
    }

    private static async Task EchoAsync(int port)
    {
        using Client client = await Client.ConnectAsync(port);
        await client.SendAsync("hello");
        (await client.ReceiveAsync(5)).Should().Be("hello");
    }

    private PfProcess StartInShell(string script, params string[] arguments) =>
        PfProcess.Start(PfProcess.InShell(PfProcess.Command(fixture.Kubeconfig, arguments), script));
}
