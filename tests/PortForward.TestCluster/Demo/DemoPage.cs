using System.Text;
using System.Text.Json.Nodes;
using PortForward.Testing.Applications;

namespace PortForward.Testing.Demo;

/// <summary>The application of the demo's pods: a page that measures its own way back, and <c>/size/N</c> for downloads.</summary>
internal static class DemoPage
{
    private static readonly string Template = ReadTemplate();

    public static ApplicationHandler For(string podName)
    {
        var requests = 0;
        var page = new HttpAnswer("text/html; charset=utf-8", Encoding.UTF8.GetBytes(Template.Replace("{{pod}}", podName, StringComparison.Ordinal)));
        return TestApplications.Http(question =>
        {
            var count = Interlocked.Increment(ref requests);
            return question.Path switch
            {
                "/" => page,
                "/api/ping" => new HttpAnswer("application/json", Ping(podName, count)),
                _ => TestApplications.AnswerProbe(podName, question),
            };
        });
    }

    private static byte[] Ping(string podName, int requests) =>
        Encoding.UTF8.GetBytes(new JsonObject { ["pod"] = podName, ["requests"] = requests }.ToJsonString());

    private static string ReadTemplate()
    {
        using var resource = typeof(DemoPage).Assembly.GetManifestResourceStream("page.html")!;
        using var reader = new StreamReader(resource);
        return reader.ReadToEnd();
    }
}
