using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace PortForward.Testing.Tests;

/// <summary>The test cluster as a program, from outside.</summary>
public sealed class ProgramTests
{
    [Fact]
    public async Task The_program_says_in_JSON_where_it_serves_and_ends_on_SIGTERM()
    {
        if (OperatingSystem.IsWindows())
            return;

        var kubeconfig = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using var program = Start("--print-env", "--plain-http", "--kubeconfig", kubeconfig);
        try
        {
            var environment = JsonNode.Parse((await program.StandardOutput.ReadLineAsync().Soon())!)!;
            ((string)environment["kubeconfig"]!).Should().Be(kubeconfig);
            (await NamesAsync(new Uri((string)environment["server"]!), kubeconfig)).Should().Contain(["db-0", "solo", "web"]).And.HaveCount(5);

            using var kill = Process.Start("kill", [program.Id.ToString()]);
            await program.WaitForExitAsync().Soon();
            program.ExitCode.Should().Be(0);
        }
        finally
        {
            program.Kill();
            File.Delete(kubeconfig);
        }
    }

    [Fact]
    public async Task A_wrong_option_is_one_line_on_stderr()
    {
        using var program = Start("--colour");

        (await program.StandardError.ReadToEndAsync().Soon()).Trim().Should().Be("error: --colour is no option of this program; --help shows what there is.");
        await program.WaitForExitAsync().Soon();
        program.ExitCode.Should().Be(1);
    }

    [Fact]
    public async Task The_demo_names_its_page_once_the_page_has_answered_and_all_addresses_are_told()
    {
        using var program = Start("demo", "--check");

        string[] lines = (await program.StandardOutput.ReadToEndAsync().Soon())
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        await program.WaitForExitAsync().Soon();

        program.ExitCode.Should().Be(0);
        int banner = Array.FindIndex(lines, line => line.StartsWith("Open http://localhost:", StringComparison.Ordinal));
        banner.Should().BePositive();
        lines[..banner].Should().ContainSingle(line => line.StartsWith("Forwarding from 127.0.0.1:", StringComparison.Ordinal));
        lines[banner..].Should().NotContain(line => line.StartsWith("Forwarding from", StringComparison.Ordinal));
    }

    private static async Task<string[]> NamesAsync(Uri server, string kubeconfig)
    {
        using var http = new HttpClient();
        var token = (await File.ReadAllLinesAsync(kubeconfig)).Single(line => line.Contains("token: ", StringComparison.Ordinal)).Split(": ")[1];
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        var pods = JsonNode.Parse(await http.GetStringAsync(new Uri(server, "/api/v1/pods")))!;
        return [.. pods["items"]!.AsArray().Select(pod => (string)pod!["metadata"]!["name"]!)];
    }

    private static Process Start(params string[] arguments)
    {
        var host = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        return Process.Start(new ProcessStartInfo(host, [typeof(TestCluster).Assembly.Location, .. arguments])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }
}
