using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Logging;

namespace PortForward.Cluster.Authentication;

/// <summary>
/// Credentials from a program: run at the first request, again when they have expired or the server refused them, and never twice at a time.
/// A run is not tied to the request that caused it, since it may wait for a person who is logging in.
/// </summary>
internal sealed partial class ExecPlugin : ICredentialSource, IDisposable
{
    private const int MaxOutput = 16 * 1024 * 1024;

    private readonly ExecConfiguration _configuration;
    private readonly CredentialRequest _request;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _ended = new();
    private readonly Lock _gate = new();
    private Credential? _current;
    private ClientCertificate? _certificate;
    private DateTimeOffset? _expiration;
    private Task<Credential>? _run;

    public ExecPlugin(ExecConfiguration configuration, CredentialRequest request)
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
    public async ValueTask<Credential> GetAsync(CancellationToken cancellationToken)
    {
        Task<Credential> run;
        lock (_gate)
        {
            if (_current is not null && !(_expiration < _request.Time.GetUtcNow()))
            {
                return _current;
            }

            run = _run ??= Task.Run(RunAsync, CancellationToken.None);
        }

        return await run.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public bool Discard(Credential refused)
    {
        lock (_gate)
        {
            // Another request may have seen to it already.
            if (ReferenceEquals(refused, _current))
            {
                LogRefused(_configuration.Command);
                _current = null;
            }

            return true;
        }
    }

    /// <summary>Ends a run that is under way.</summary>
    public void Dispose()
    {
        _ended.Cancel();
        _ended.Dispose();
    }

    private async Task<Credential> RunAsync()
    {
        try
        {
            long started = _request.Time.GetTimestamp();
            string output = await ExecuteAsync(_ended.Token).ConfigureAwait(false);
            ExecCredential.Status status = ExecCredential.Read(output, _configuration.ApiVersion);
            LogAnswer(_configuration.Command, _request.Time.GetElapsedTime(started), status.Expiration);
            ClientCertificate? certificate = LoadCertificate(status);
            var credential = new Credential(status.Token is null ? null : Credential.Bearer(status.Token, _request.Owner), certificate);
            lock (_gate)
            {
                _certificate = certificate;
                _expiration = status.Expiration;
                return _current = credential;
            }
        }
        catch (FormatException e)
        {
            throw Unable($"{e.Message}: check what {_configuration.Command} writes", e);
        }
        finally
        {
            lock (_gate)
            {
                _run = null;
            }
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
            throw Unable($"exec: {_configuration.Command} could not be started: {Api.PlainText.OneLine(e.Message)}", e);
        }

        try
        {
            if (!isInteractive)
            {
                process.StandardInput.Close();
            }

            using var output = new MemoryStream();
            Output end = await ReadAsync(process.StandardOutput.BaseStream, output, cancellationToken).ConfigureAwait(false);
            if (end == Output.TooLong)
            {
                process.Kill(entireProcessTree: true);
                throw Unable($"exec: {_configuration.Command} wrote more than {MaxOutput >> 20} MiB");
            }

            await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            return process.ExitCode == 0
                ? Encoding.UTF8.GetString(output.GetBuffer(), 0, (int)output.Length)
                : throw Unable($"exec: executable {_configuration.Command} failed with exit code {process.ExitCode}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static async Task<Output> ReadAsync(Stream from, MemoryStream to, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[16384];
        while (await from.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and int read)
        {
            to.Write(buffer, 0, read);
            if (to.Length > MaxOutput)
            {
                return Output.TooLong;
            }
        }

        return Output.Complete;
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
        string hint = _configuration.InstallHint is { } text ? $"\n\n{Printable(text)}" : "";
        return Unable($"exec: executable {_configuration.Command} not found: install this credential plug-in, which {_request.Owner} in the kubeconfig uses{hint}");
    }

    /// <summary>A hint's own lines, without what could rewrite the terminal.</summary>
    private static string Printable(string text) => string.Join('\n', text.Split('\n').Select(line => Api.PlainText.OneLine(line, 1000))).Trim();

    private static ClusterException Unable(string why, Exception? cause = null) =>
        new($"Unable to connect to the server: getting credentials: {why}", cause) { IsVerbatim = true };
}
