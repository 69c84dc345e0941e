using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace PortForward.Testing.Api;

/// <summary>Counts the connections to the API server, and closes those on which no request was sent for too long.</summary>
internal sealed class ApiConnections(TestClusterOptions options, Activity activity)
{
    /// <summary>Follows a connection from the accept to its end; stands before TLS.</summary>
    public async Task AcceptAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        using var state = new ApiConnection(connection, options);
        connection.Features.Set(state);
        activity.ApiConnectionAccepted();
        try
        {
            await next(connection);
        }
        finally
        {
            activity.ApiConnectionClosed();
        }
    }

    /// <summary>Serves a connection on which HTTP can be spoken; stands behind TLS.</summary>
    public async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var state = connection.Features.GetRequiredFeature<ApiConnection>();
        var tls = connection.Features.Get<ISslStreamFeature>()?.SslStream;
        if (tls is not null)
            activity.TlsHandshakeDone();
        state.IsReady = true;
        await next(connection);

        // Go's server says goodbye in TLS; Kestrel does not.
        if (tls is not null && state.HasExpired)
            await tls.ShutdownAsync();
    }

    /// <summary>Lets no limit run while a request is answered.</summary>
    public static async Task AnswerAsync(HttpContext context, RequestDelegate next)
    {
        var state = context.Features.GetRequiredFeature<ApiConnection>();
        state.RequestBegins();
        try
        {
            await next(context);
        }
        finally
        {
            state.RequestEnds();
        }
    }
}
