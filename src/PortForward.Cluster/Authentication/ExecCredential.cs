using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using PortForward.Cluster.Kubeconfig;
using YamlDotNet.Core;

namespace PortForward.Cluster.Authentication;

/// <summary>The object that goes to a credential plug-in, and the one that comes back.</summary>
internal static class ExecCredential
{
    /// <summary>What a plug-in handed out.</summary>
    /// <remarks>It holds secrets, so it has no text form.</remarks>
    public sealed class Status
    {
        /// <summary>A bearer token, or null.</summary>
        public required string? Token { get; init; }

        /// <summary>A client certificate in PEM, or null.</summary>
        public required string? Certificate { get; init; }

        /// <summary>The certificate's key in PEM, or null.</summary>
        public required string? Key { get; init; }

        /// <summary>When it all expires; null for never.</summary>
        public required DateTimeOffset? Expiration { get; init; }
    }

    /// <summary>The value of KUBERNETES_EXEC_INFO.</summary>
    /// <param name="configuration">The plug-in.</param>
    /// <param name="request">What it may be told about.</param>
    /// <param name="isInteractive">Whether it gets the terminal's input.</param>
    /// <exception cref="ClusterException">The cluster's extension is too large.</exception>
    public static string Describe(ExecConfiguration configuration, CredentialRequest request, bool isInteractive)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("kind", "ExecCredential");
            json.WriteString("apiVersion", configuration.ApiVersion);
            json.WriteStartObject("spec");
            if (configuration.ProvidesClusterInfo)
            {
                json.WritePropertyName("cluster");
                WriteCluster(json, request);
            }

            json.WriteBoolean("interactive", isInteractive);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    /// <summary>Reads what a plug-in wrote, JSON or YAML as in client-go.</summary>
    /// <exception cref="FormatException">It is not what it should be; the message says why, in client-go's words.</exception>
    public static Status Read(string output, string apiVersion)
    {
        ConfigMapping answer = Parse(output);
        if (answer.Text("kind") != "ExecCredential")
        {
            throw new FormatException("decoding stdout: it is no ExecCredential");
        }

        if (answer.Text("apiVersion") is var version && version != apiVersion)
        {
            throw new FormatException($"exec plugin is configured to use API version {apiVersion}, plugin returned version {UntrustedText.OneLine(version ?? "\"\"")}");
        }

        if (answer.Fields.GetValueOrDefault("status") is not ConfigMapping status)
        {
            throw new FormatException("exec plugin didn't return a status field");
        }

        var read = new Status
        {
            Token = status.Text("token"),
            Certificate = status.Text("clientCertificateData"),
            Key = status.Text("clientKeyData"),
            Expiration = status.Text("expirationTimestamp") is { } text ? ReadTime(text) : null,
        };
        return (read.Token, read.Certificate, read.Key) switch
        {
            (null, null, null) => throw new FormatException("exec plugin didn't return a token or cert/key pair"),
            (_, null, not null) or (_, not null, null) => throw new FormatException("exec plugin returned only certificate or key, not both"),
            _ => read,
        };
    }

    /// <summary>The parser's own message is not passed on: it could repeat a part of a secret.</summary>
    private static ConfigMapping Parse(string output)
    {
        long line;
        try
        {
            return ConfigReader.Read(output) as ConfigMapping ?? throw new FormatException("decoding stdout: it is no ExecCredential");
        }
        catch (YamlException e)
        {
            line = e.Start.Line;
        }

        throw new FormatException($"decoding stdout: it is neither JSON nor YAML from line {line} on");
    }

    private static DateTimeOffset ReadTime(string text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time
            : throw new FormatException("decoding stdout: its expirationTimestamp is no time");

    private static void WriteCluster(Utf8JsonWriter json, CredentialRequest request)
    {
        json.WriteStartObject();
        json.WriteString("server", request.Server.Given.Split('?', '#')[0]); // kubectl drops both too.
        WriteText("tls-server-name", request.Trusted.Name);
        WriteFlag("insecure-skip-tls-verify", request.Trusted.IsInsecure);
        if (request.Trusted.Authority is { } authority)
        {
            json.WriteBase64String("certificate-authority-data", authority);
        }

        WriteText("proxy-url", request.Cluster?.Text("proxy-url"));
        WriteFlag("disable-compression", request.Cluster?.Flag("disable-compression") == true);
        json.WritePropertyName("config");
        ConfigJson.Write(json, Extension(request.Cluster), request.Cluster?.Label ?? "the cluster");
        json.WriteEndObject();

        void WriteText(string name, string? value)
        {
            if (value is not null)
            {
                json.WriteString(name, value);
            }
        }

        void WriteFlag(string name, bool value)
        {
            if (value)
            {
                json.WriteBoolean(name, value);
            }
        }
    }

    private static ConfigNode? Extension(Entry? cluster) =>
        cluster?.Mappings("extensions").FirstOrDefault(extension => extension.Text("name") == ConfigJson.ExtensionName)?.Fields.GetValueOrDefault("extension");
}
