using System.Diagnostics;
using System.Security.Cryptography;
using PortForward.Cli.Tests.Support;

namespace PortForward.Cli.Tests;

/// <summary>One connection on stdin and stdout: <c>pf -W TARGET:PORT</c>.</summary>
public sealed class StdioTests(ClusterFixture fixture) : IClassFixture<ClusterFixture>
{
    [UnixTheory]
    [InlineData("pod/solo:8080")]
    [InlineData("solo:web")]
    [InlineData("svc/web:80")]
    [InlineData("svc/web@default:http")]
    [InlineData("deploy/web:8080")]
    public async Task The_answer_is_all_that_is_on_stdout(string target)
    {
        await using PfProcess pf = Run("printf 'GET /x HTTP/1.0\\r\\n\\r\\n' | \"$@\" | tail -n 1", "-W", target);

        (await pf.ExitAsync()).Should().Be(0);
        pf.Output.Should().ContainSingle().Which.Should().EndWith(" path /x");
        pf.Error.Should().BeEmpty();
    }

    [UnixFact]
    public async Task The_end_of_stdin_ends_only_its_own_direction()
    {
        // The application answers two seconds after it was sent something.
        await using PfProcess pf = Run("printf x | \"$@\"; echo \" $?\"", "-W", $"pod/solo:{ClusterFixture.SlowAnswer}");

        await pf.ExitAsync();
        pf.Output.Should().Equal("late but whole 0");
    }

    [UnixFact]
    public async Task It_ends_with_the_pods_side_though_stdin_is_open()
    {
        await using PfProcess pf = Run("{ printf x; sleep 60; } | { \"$@\" >/dev/null; echo $?; }", "-W", $"pod/solo:{ClusterFixture.SlowAnswer}");

        await pf.OutputLineAsync(line => line == "0");
    }

    [UnixTheory]
    [InlineData(ClusterFixture.Resets, "error: the application in the pod reset the connection")]
    [InlineData(ClusterFixture.Refused, "error: pod refused connections on port 9999; *")]
    public async Task A_failure_is_one_line_and_exit_code_1(int port, string expected)
    {
        await using PfProcess pf = Run("{ printf x; sleep 1; } | { \"$@\" >/dev/null; exit $?; }", "-W", $"pod/solo:{port}");

        (await pf.ExitAsync()).Should().Be(1);
        pf.Error.Should().ContainSingle().Which.Should().Match(expected);
    }

    [UnixTheory]
    [InlineData("head -c 100000000 /dev/zero 2>/dev/null | \"$@\" | head -c 10 >/dev/null; exit ${PIPESTATUS[1]}", 141, "")]
    [InlineData("{ echo; sleep 1; } | \"$@\" | head -c 1 >/dev/null; exit ${PIPESTATUS[1]}", 141, "")]
    [InlineData("echo | \"$@\" >&-; exit $?", 141, "error: stdout cannot be written: it was closed before pf started; ")]
    public async Task A_closed_stdout_ends_it(string script, int exitCode, string error)
    {
        ProcessStartInfo start = PfProcess.InShell(PfProcess.Command(fixture.Kubeconfig, "-W", $"pod/solo:{ClusterFixture.Echo}"), script);
        start.FileName = "/bin/bash";
        await using PfProcess pf = PfProcess.Start(start);

        (await pf.ExitAsync()).Should().Be(exitCode);
        pf.Error.Should().HaveCount(error.Length == 0 ? 0 : 1);
        string.Concat(pf.Error).Should().StartWith(error);
    }

    [UnixTheory]
    [InlineData(PfProcess.Interrupt)]
    [InlineData(PfProcess.Terminate)]
    [InlineData(PfProcess.Hangup)]
    public async Task A_signal_ends_it_and_is_no_success(int signal)
    {
        ProcessStartInfo start = PfProcess.Command(fixture.Kubeconfig, "-W", $"pod/solo:{ClusterFixture.Echo}");
        using Process pf = Process.Start(start)!; // Its stdin stays open, and the application's end with it.
        await pf.StandardInput.WriteLineAsync("hello");
        await pf.StandardInput.FlushAsync();
        (await pf.StandardOutput.ReadLineAsync().Soon()).Should().NotBeNull();

        PfProcess.Signal(pf.Id, signal);

        await pf.WaitForExitAsync().Soon();
        pf.ExitCode.Should().Be(128 + signal);
        (await pf.StandardError.ReadToEndAsync()).Should().BeEmpty();
    }

    [UnixFact]
    public async Task Much_goes_both_ways_at_once()
    {
        byte[] sent = RandomNumberGenerator.GetBytes(32 * 1024 * 1024);
        using Process pf = Process.Start(PfProcess.Command(fixture.Kubeconfig, "-W", $"pod/solo:{ClusterFixture.Echo}"))!;
        var received = new MemoryStream();
        Task sending = Task.Run(async () =>
        {
            await pf.StandardInput.BaseStream.WriteAsync(sent);
            pf.StandardInput.Close();
        });
        await pf.StandardOutput.BaseStream.CopyToAsync(received).Soon();

        await sending.Soon();
        await pf.WaitForExitAsync().Soon();
        pf.ExitCode.Should().Be(0);
        received.ToArray().AsSpan().SequenceEqual(sent).Should().BeTrue();
    }

    [UnixFact]
    public async Task One_run_opens_one_tunnel()
    {
        int before = fixture.Cluster.Activity.TunnelsOpened;
        await using PfProcess pf = Run("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | \"$@\" >/dev/null", "-W", "svc/web:80");
        (await pf.ExitAsync()).Should().Be(0);

        (fixture.Cluster.Activity.TunnelsOpened - before).Should().Be(1);
    }

    private PfProcess Run(string script, params string[] arguments) => PfProcess.Start(PfProcess.InShell(PfProcess.Command(fixture.Kubeconfig, arguments), script));
}
