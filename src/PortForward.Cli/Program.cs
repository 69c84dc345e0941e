using PortForward.Cli.Commands;

return await ForwardCommand.RunAsync(args);
