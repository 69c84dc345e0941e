using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

namespace PortForward.Testing.Tests.Api;

/// <summary>An HTTP client that trusts the cluster's authority alone.</summary>
internal sealed class ApiClient : IDisposable
{
    private readonly HttpClient _http;

    private ApiClient(HttpClient http) => _http = http;

    /// <summary>A client with the admin's token, with another one, with a certificate, or with none of them (an empty token).</summary>
    public static ApiClient To(TestCluster cluster, string? token = null, X509Certificate2? certificate = null)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = Trust(cluster);
        if (certificate is not null)
            handler.SslOptions.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true);
        var http = new HttpClient(handler) { BaseAddress = cluster.Server, Timeout = TimeSpan.FromSeconds(20) };
        if (certificate is null && token is not "")
            http.DefaultRequestHeaders.Authorization = new("Bearer", token ?? cluster.Admin.Token);
        return new ApiClient(http);
    }

    /// <summary>Trusts the cluster's authority alone.</summary>
    public static X509ChainPolicy Trust(TestCluster cluster) => new()
    {
        TrustMode = X509ChainTrustMode.CustomRootTrust,
        RevocationMode = X509RevocationMode.NoCheck,
        CustomTrustStore = { X509Certificate2.CreateFromPem(cluster.AuthorityPem) },
    };

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, Version? version = null, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, path) { Version = version ?? HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        return _http.SendAsync(request);
    }

    public async Task<(HttpStatusCode Status, JsonObject Json)> GetAsync(string path)
    {
        using var response = await SendAsync(HttpMethod.Get, path);
        return (response.StatusCode, (JsonObject)JsonNode.Parse(await response.Content.ReadAsStringAsync())!);
    }

    /// <summary>The names of the objects in a list.</summary>
    public async Task<string[]> ListAsync(string path)
    {
        var (status, json) = await GetAsync(path);
        status.Should().Be(HttpStatusCode.OK, json.ToJsonString());
        return [.. json["items"]!.AsArray().Select(item => (string)item!["metadata"]!["name"]!)];
    }

    public async Task<WatchReader> WatchAsync(string path)
    {
        var response = await _http.GetAsync(new Uri(path, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        response.StatusCode.Should().Be(HttpStatusCode.OK);
        return new WatchReader(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>The lines of a watch.</summary>
internal sealed class WatchReader(HttpResponseMessage response, StreamReader lines) : IDisposable
{
    /// <summary>The next event as "TYPE name", or null at the end of the watch.</summary>
    public async Task<string?> NextAsync()
    {
        var json = await NextJsonAsync();
        return json is null ? null : $"{json["type"]} {json["object"]!["metadata"]?["name"]}";
    }

    public async Task<JsonNode?> NextJsonAsync() =>
        await lines.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(10)) is { } line ? JsonNode.Parse(line) : null;

    public void Dispose()
    {
        lines.Dispose();
        response.Dispose();
    }
}
