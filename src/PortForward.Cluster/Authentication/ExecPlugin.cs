using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Logging;
using PortForward.Cluster.Transport;

namespace PortForward.Cluster.Authentication;

/// <summary>Credentials from a program (client.authentication.k8s.io/v1 and v1beta1).</summary>
internal sealed partial class ExecPlugin : RenewedCredentials
{
    private const int MaxOutput = 16 * 1024 * 1024;

    private const int MaxHint = 1000;

    /// <summary>
    /// How long to go on reading after the plug-in itself has ended. Something that it left running may keep its output open for ever,
    /// and what it wrote is in the pipe by then.
    /// </summary>
    private static readonly TimeSpan OutputGrace = TimeSpan.FromSeconds(2);

    private readonly ExecConfiguration _configuration;
    private readonly CredentialRequest _request;
    private readonly ILogger _logger;
    private ClientCertificate? _certificate;

    public ExecPlugin(ExecConfiguration configuration, CredentialRequest request) : base(request.Time, request.Clients)
    {
        _configuration = configuration;
        _request = request;
        _logger = request.Loggers.CreateLogger<ExecPlugin>();
    }

    private enum Output
    {
        Complete,
        TooLong,
    }

    /// <inheritdoc/>
    protected override bool AsksPerson => _configuration.InteractiveMode != InteractiveMode.Never && _request.Environment.IsInputTerminal();

    /// <inheritdoc/>
    protected override bool OnRefused(Credential refused)
    {
        LogRefused(_configuration.Command);
        return true;
    }

    /// <inheritdoc/>
    protected override async Task<Lease> FetchAsync(CancellationToken cancellationToken)
    {
        try
        {
            long started = _request.Time.GetTimestamp();
            string output = await ExecuteAsync(cancellationToken).ConfigureAwait(false);
            ExecCredential.Status status = ExecCredential.Read(output, _configuration.ApiVersion);
            LogAnswer(_configuration.Command, _request.Time.GetElapsedTime(started), status.Expiration);
            _certificate = LoadCertificate(status);
            var credential = new Credential(status.Token is null ? null : Credential.Bearer(status.Token, _request.Owner), _certificate);
            return new Lease(credential, status.Expiration);
        }
        catch (FormatException e)
        {
            throw Unable($"{e.Message}: check what {_configuration.Command} writes", e);
        }
    }

    /// <summary>The certificate; the one in use if it is the same, so that the connections made with it go on being used.</summary>
    private ClientCertificate? LoadCertificate(ExecCredential.Status status)
    {
        if (status.Certificate is null || status.Key is null)
        {
            return null;
        }

        byte[] certificate = Encoding.UTF8.GetBytes(status.Certificate);
        byte[] key = Encoding.UTF8.GetBytes(status.Key);
        return _certificate?.IsFrom(certificate, key) == true ? _certificate : ClientCertificate.Load(certificate, key, _request.Owner);
    }

    private async Task<string> ExecuteAsync(CancellationToken cancellationToken)
    {
        bool isInteractive = IsInteractive();
        using var process = new Process { StartInfo = StartInfo(isInteractive) };
        LogRun(_configuration.Command, isInteractive);
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            throw Unable($"exec: {_configuration.Command} could not be started: {UntrustedText.OneLine(e.Message)}", e);
        }

        if (!isInteractive)
        {
            process.StandardInput.Close();
        }

        using CancellationTokenRegistration onEnd = cancellationToken.Register(() => Kill(process));
        using var output = new MemoryStream();
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<Output> reading = ReadAsync(process.StandardOutput.BaseStream, output, enough.Token);
        Task exit = process.WaitForExitAsync(cancellationToken);
        bool hasExited = await Task.WhenAny(reading, exit).ConfigureAwait(false) == exit;
        using CancellationTokenSource? patience = hasExited ? new CancellationTokenSource(OutputGrace, _request.Time) : null;
        using CancellationTokenRegistration onImpatience = patience?.Token.Register(enough.Cancel) ?? default;
        if (await reading.ConfigureAwait(false) == Output.TooLong)
        {
            Kill(process);
            throw Unable($"exec: {_configuration.Command} wrote more than {MaxOutput >> 20} MiB");
        }

        await exit.ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return process.ExitCode == 0
            ? Encoding.UTF8.GetString(output.GetBuffer(), 0, (int)output.Length)
            : throw Unable($"exec: executable {_configuration.Command} failed with exit code {process.ExitCode}");
    }

    /// <summary>Reads until the end, or until it is enough.</summary>
    private static async Task<Output> ReadAsync(Stream from, MemoryStream to, CancellationToken enough)
    {
        byte[] buffer = new byte[16384];
        try
        {
            while (await from.ReadAsync(buffer, enough).ConfigureAwait(false) is > 0 and int read)
            {
                to.Write(buffer, 0, read);
                if (to.Length > MaxOutput)
                {
                    return Output.TooLong;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The caller decides whether that is a fault.
        }

        return Output.Complete;
    }

    private void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It has ended by itself, or runs as someone else, and then nothing more can be done about it.
            LogNotKilled(_configuration.Command, e.Message);
        }
    }

    private bool IsInteractive() => (_configuration.InteractiveMode, _request.Environment.IsInputTerminal()) switch
    {
        (InteractiveMode.Never, _) => false,
        (InteractiveMode.Always, false) => throw Unable("exec plugin cannot support interactive mode: standard input is not a terminal"),
        (_, var isTerminal) => isTerminal,
    };

    /// <summary>Standard error stays the terminal's, and so does standard input if the plug-in may ask something.</summary>
    private ProcessStartInfo StartInfo(bool isInteractive)
    {
        if (_configuration.Arguments.Concat(_configuration.Variables.SelectMany(variable => (string[])[variable.Key, variable.Value])).Any(text => text.Contains('\0')))
        {
            throw Unable($"exec: an argument or a variable for {_configuration.Command} contains a NUL character: remove it from {_request.Owner} in the kubeconfig");
        }

        var start = new ProcessStartInfo
        {
            FileName = ExecutableSearch.Find(_configuration.Command, _request.Environment) ?? throw NotFound(),
            UseShellExecute = false,
            RedirectStandardInput = !isInteractive,
            RedirectStandardOutput = true,
        };
        foreach (string argument in _configuration.Arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach ((string name, string value) in _configuration.Variables)
        {
            start.Environment[name] = value;
        }

        start.Environment["KUBERNETES_EXEC_INFO"] = ExecCredential.Describe(_configuration, _request, isInteractive);
        return start;
    }

    private ClusterException NotFound()
    {
        string hint = _configuration.InstallHint is { } text ? $": {UntrustedText.OneLine(text, MaxHint)}" : "";
        return Unable($"exec: executable {_configuration.Command} not found: install this credential plug-in, which {_request.Owner} in the kubeconfig uses{hint}");
    }

    private static ClusterException Unable(string why, Exception? cause = null) =>
        new($"Unable to connect to the server: getting credentials: {why}", cause) { IsVerbatim = true };
}
