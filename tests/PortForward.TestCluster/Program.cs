using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using PortForward.Testing;
using PortForward.Testing.Demo;

ProgramArguments arguments;
try
{
    arguments = ProgramArguments.Parse(args);
}
catch (FormatException wrong)
{
    await Console.Error.WriteLineAsync($"error: {wrong.Message}");
    return 1;
}

if (arguments.Help)
{
    Console.WriteLine(ProgramArguments.HelpText);
    return 0;
}

if (arguments.Demo)
    return await DemoRun.RunAsync(arguments.Program, arguments.Check);

var stop = new TaskCompletionSource();
void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.TrySetResult();
}

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

var options = new TestClusterOptions { Port = arguments.Port, Kubernetes = arguments.Kubernetes, PlainHttp = arguments.PlainHttp };
await using var cluster = await TestCluster.StartAsync(options);
DemoObjects.AddTo(cluster);

var isTemporary = arguments.Kubeconfig is null;
var kubeconfig = Path.GetFullPath(arguments.Kubeconfig ?? Path.Combine(Path.GetTempPath(), $"test-cluster-{Environment.ProcessId}.kubeconfig"));
cluster.WriteKubeconfig(kubeconfig);
if (arguments.PrintEnv)
{
    Console.WriteLine(new JsonObject { ["kubeconfig"] = kubeconfig, ["server"] = cluster.Server.ToString() }.ToJsonString());
}
else
{
    Console.WriteLine($"""
        A test cluster is serving at {cluster.Server}

          export KUBECONFIG={kubeconfig}

        Then, in another terminal:

          kubectl get pods
          pf pod/web 8080             and open http://localhost:8080
          pf svc/web 8080:80          and delete a pod of it: kubectl delete pod <name>

        Ctrl-C ends the cluster.
        """);
}

await stop.Task;
if (isTemporary)
    File.Delete(kubeconfig);
return 0;
