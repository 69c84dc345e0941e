using PortForward.Cli.Commands;
using PortForward.Cli.Startup;

// In this order, and before anything opens a descriptor or looks at a signal.
StandardDescriptors.OpenMissing();
InheritedSignals.Accept();
DescriptorLimit.Raise();
return await ForwardCommand.RunAsync(args);
