using System.CommandLine;
using System.Text;
using Microsoft.Extensions.Logging;
using PortForward.Cli.Files;
using PortForward.Cluster;
using PortForward.Cluster.Objects;

namespace PortForward.Cli.Commands;

/// <summary><c>pf init</c>: writes a file of forwards for the services of a namespace. It never writes over one.</summary>
internal static class InitCommand
{
    /// <summary>Writes the file, or prints it with <c>-f -</c>.</summary>
    /// <param name="flags">The flags.</param>
    /// <param name="parsed">Their values.</param>
    /// <param name="words">The words behind the command.</param>
    /// <param name="print">Prints a text, and gives the exit code for that.</param>
    /// <param name="loggers">For diagnostics.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="FileException">There is a file already, it cannot be written, or there is nothing to write.</exception>
    /// <exception cref="ClusterException">The services cannot be listed.</exception>
    public static async Task<int> RunAsync(ForwardFlags flags, ParseResult parsed, IReadOnlyList<string> words, Func<string, int> print, ILoggerFactory loggers)
    {
        if (words is [var unwanted, ..])
        {
            throw new UsageException($"pf init takes no name, and {unwanted} is one: it writes all services of the namespace; -f FILE says where");
        }

        string file = parsed.GetValue(flags.Filename) ?? RunFileSearch.Name;
        bool isPrinted = file == RunFileOpening.Stdin;
        if (!isPrinted)
        {
            CheckAbsent(file, isUsual: parsed.GetValue(flags.Filename) is null);
        }

        (ClusterClient client, string? context) = ClusterFlags.Connect(flags, parsed, ForwardArguments.Read([], flags, parsed, []), named: null, loggers);
        await using (client)
        {
            IReadOnlyList<Service> services = await client.ListServicesAsync(client.Namespace, CancellationToken.None);
            string text = ServicesFile.Write(services, client.Namespace, context)
                ?? throw new FileException($"the namespace {client.Namespace} has no service with a TCP port: nothing is written (-n names another)");
            if (isPrinted)
            {
                return print(text.TrimEnd('\n'));
            }

            Write(file, text);
            return print($"{file} is written: pf check checks it, and pf up starts its forwards");
        }
    }

    private static void CheckAbsent(string file, bool isUsual)
    {
        string? other = file.Length == 0 ? throw new FileException("--filename has an empty name: is its variable set?")
            : Path.Exists(file) ? file
            : isUsual && Path.Exists(RunFileSearch.Hidden) ? RunFileSearch.Hidden
            : null;
        if (other is not null)
        {
            throw new FileException($"{other} is there already, and is left as it is: pf init -f - prints what it would write");
        }
    }

    private static void Write(string file, string text)
    {
        bool isOurs = false;
        try
        {
            using var stream = new FileStream(file, FileMode.CreateNew, FileAccess.Write);
            isOurs = true;
            stream.Write(Encoding.UTF8.GetBytes(text));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            if (isOurs)
            {
                File.Delete(file); // Half a file would be in the way of the next try.
            }

            throw new FileException($"{file} cannot be written: {FileFault.WhyUnwritable(file, e)}");
        }
    }
}
