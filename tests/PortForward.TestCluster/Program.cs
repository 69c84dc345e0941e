using PortForward.Testing;

await using var cluster = await TestCluster.StartAsync();
cluster.Pods.Add(TestPod.Probe("solo").Label("app", "solo"));
Console.WriteLine(cluster.WriteKubeconfig(args[0]));
var done = new TaskCompletionSource();
Console.CancelKeyPress += (_, e) => { e.Cancel = true; done.SetResult(); };
await done.Task;
