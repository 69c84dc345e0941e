using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FluentAssertions.Execution;
using PortForward.Testing;
using PortForward.Testing.Api;

namespace PortForward.Cli.Tests.DropIn;

/// <summary>Gives one command line to both programs, and holds what they did against each other.</summary>
internal static class Comparison
{
    private static readonly int LocalhostAddresses = HasIPv6Loopback() ? 2 : 1;

    /// <summary>Runs a case, and fails when pf does anything else than kubectl does or than the case's difference says.</summary>
    public static async Task RunAsync(DropInCase one, TestCluster cluster, string folder)
    {
        var around = new CaseSurroundings(cluster, folder);
        one.SetUp?.Invoke(around);
        string[] arguments = around.Expand(one.Arguments);
        int before = cluster.Requests.Count;

        Observation kubectl, pf;
        try
        {
            Task<Observation> first = ObserveAsync(around, KubectlCommand(["port-forward", .. arguments]), one, one.Kubectl);
            if (one.OneAfterTheOther)
            {
                await first;
            }

            Task<Observation> second = ObserveAsync(around, PfProcess.Command(kubeconfig: null, arguments), one, one.Pf);
            await Task.WhenAll(first, second);
            kubectl = await first;
            pf = await second;
        }
        finally
        {
            around.UndoAll();
        }

        RecordedRequest[] requests = [.. cluster.Requests.Skip(before)];
        Compare(
            one,
            kubectl with { Requests = [.. requests.Where(IsKubectls)] },
            pf with { Requests = [.. requests.Where(request => !IsKubectls(request))] });
    }

    private static void Compare(DropInCase one, Observation kubectl, Observation pf)
    {
        using var scope = new AssertionScope($"`{one.Name}`\n-- kubectl: {kubectl}\n-- pf: {pf}\n");
        ShouldBe(one.Kubectl, kubectl, "kubectl");
        ShouldBe(one.Pf, pf, "pf", one.FailureCode);
        if (one.Difference is null)
        {
            pf.FirstError.Should().Be(one.Pf == Ending.Fails ? kubectl.FirstError : "");
        }
        else
        {
            if (one.KubectlSays is not null)
            {
                kubectl.FirstError.Should().Match(one.KubectlSays, "kubectl says so");
            }

            if (one.PfSays is not null)
            {
                pf.FirstError.Should().Match(one.PfSays, "the difference {0} is so", one.Difference);
            }
            else
            {
                pf.FirstError.Should().BeEmpty("the difference {0} is so", one.Difference);
            }
        }

        if (one.Pf == Ending.Fails)
        {
            pf.Output.Should().BeEmpty("pf fails");
        }

        if (one.Kubectl == one.Pf && (one.Difference is null ? one.Pf != Ending.Prints : one.Pf == Ending.Serves && !one.HasOtherOutput))
        {
            pf.NormalizedOutput.Should().Equal(kubectl.NormalizedOutput);
        }

        CompareRequests(one, kubectl.Requests, pf.Requests);
    }

    private static void ShouldBe(Ending ending, Observation program, string name, int failure = 1)
    {
        program.ExitCode.Should().Be(ending == Ending.Fails ? failure : 0, "that is {0}'s exit code", name);
        if (ending == Ending.Fails)
        {
            program.FirstError.Should().NotBeEmpty("{0} fails", name);
        }
        else
        {
            program.Output.Should().NotBeEmpty("{0} succeeds", name);
        }
    }

    /// <summary>
    /// pf asks for nothing that kubectl does not ask for, with the same credentials; where both serve, they forward to the same pod. kubectl alone
    /// asks which types there are, and when that fails it asks nothing more.
    /// </summary>
    private static void CompareRequests(DropInCase one, IReadOnlyList<RecordedRequest> kubectl, IReadOnlyList<RecordedRequest> pf)
    {
        if (one.Kubectl == Ending.Serves && one.Pf == Ending.Serves)
        {
            Signatures(pf.Where(request => request.IsPortForward)).Should().Equal(Signatures(kubectl.Where(request => request.IsPortForward)));
        }

        if (one.Pf == Ending.Fails && !kubectl.Any(request => request.IsPortForward))
        {
            // A pod that is named is dialled while it is looked up (difference "dials-at-once").
            pf = [.. pf.Where(request => !request.IsPortForward)];
        }

        if (pf.Any(request => request.IsPortForward))
        {
            // Once a tunnel stands, it follows the target's pods (difference "follows-the-target").
            pf = [.. pf.Where(request => !request.Path.EndsWith("/pods", StringComparison.Ordinal))];
        }

        bool discovered = kubectl.Any(request => !IsDiscovery(request));
        if (one.Kubectl == one.Pf && discovered && one.Difference is not (DifferencesDocument.FollowsPods or DifferencesDocument.FollowsSlices))
        {
            Signatures(pf).Should().BeSubsetOf(Signatures(kubectl));
        }

        pf.Should().NotContain(request => IsDiscovery(request));
        string[] credentials = [.. kubectl.Select(Credentials).Distinct(StringComparer.Ordinal)];
        if (credentials.Length > 0)
        {
            pf.Select(Credentials).Should().BeSubsetOf(credentials);
        }
    }

    private static string[] Signatures(IEnumerable<RecordedRequest> requests) =>
        [.. requests.Select(request => $"{request.Method} {request.PathPrefix}{request.Path} as {Credentials(request)}").Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>What a request says of who asks: the Authorization header's fingerprint, the certificate's or token's user, and whom they act as.</summary>
    private static string Credentials(RecordedRequest request) => string.Join("; ", request.Headers
        .Where(header => header.Key.Equals("Authorization", StringComparison.OrdinalIgnoreCase) || header.Key.StartsWith("Impersonate-", StringComparison.OrdinalIgnoreCase))
        .Select(header => $"{header.Key.ToUpperInvariant()}: {string.Join(" | ", header.Value)}")
        .Order(StringComparer.Ordinal)
        .Append($"user {request.User}"));

    private static bool IsDiscovery(RecordedRequest request) => request.Path is "/api" or "/apis" or "/version" || request.Path.Split('/').Length == 3 || IsGroup(request.Path);

    private static bool IsGroup(string path) => path.StartsWith("/apis/", StringComparison.Ordinal) && path.Split('/').Length <= 4;

    private static bool IsKubectls(RecordedRequest request) =>
        request.Headers.TryGetValue("User-Agent", out IReadOnlyList<string>? agent) && agent is [var name, ..] && name.StartsWith("kubectl", StringComparison.Ordinal);

    private static ProcessStartInfo KubectlCommand(string[] arguments) =>
        new(KubectlBinaries.Newest!.Value.Path, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };

    private static async Task<Observation> ObserveAsync(CaseSurroundings around, ProcessStartInfo command, DropInCase one, Ending ending)
    {
        command.WorkingDirectory = around.Folder;
        foreach (string name in (string[])["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "KUBECTL_PORT_FORWARD_WEBSOCKETS", "KUBERNETES_SERVICE_HOST", "KUBERNETES_MASTER"])
        {
            command.Environment.Remove(name);
        }

        // kubectl knows already which types the server has, as it does on a machine where it is in use.
        command.Environment["KUBECACHEDIR"] = Path.Combine(Path.GetDirectoryName(around.Folder)!, "cache");
        foreach ((string name, string? value) in around.Environment)
        {
            command.Environment[name] = value;
        }

        await using PfProcess program = PfProcess.Start(command);
        if (ending == Ending.Serves)
        {
            int listeners = one.Listeners > 0 ? one.Listeners : one.Ports * LocalhostAddresses;
            await program.OutputLineAsync(_ => program.Output.Count(line => Observation.EndPointOf(line) is not null) >= listeners);
            await EchoAsync(Observation.EndPointOf(program.Output[0])!);
            await program.OutputLineAsync(line => line.StartsWith("Handling connection for ", StringComparison.Ordinal));
            program.Signal(PfProcess.Interrupt);
        }

        try
        {
            int exitCode = await program.ExitAsync();
            return new Observation(exitCode, program.Output, program.Error);
        }
        catch (TimeoutException e)
        {
            throw new InvalidOperationException($"{command.FileName} does not end: {new Observation(-1, program.Output, program.Error)}", e);
        }
    }

    /// <summary>One connection through the forward, there and back.</summary>
    private static async Task EchoAsync(IPEndPoint listener)
    {
        IPAddress address =
            listener.Address.IsIPv4MappedToIPv6 ? listener.Address.MapToIPv4()
            : listener.Address.Equals(IPAddress.Any) ? IPAddress.Loopback
            : listener.Address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback
            : listener.Address;
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address, listener.Port).Soon();
        await socket.SendAsync("drop-in"u8.ToArray()).Soon();
        byte[] answer = new byte[7];
        using var stream = new NetworkStream(socket);
        await stream.ReadExactlyAsync(answer).Soon();
        Encoding.ASCII.GetString(answer).Should().Be("drop-in");
    }

    private static bool HasIPv6Loopback()
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
