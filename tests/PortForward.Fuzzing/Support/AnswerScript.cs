using System.Globalization;
using System.Net;
using System.Text;
using PortForward.Fuzzing.Engine;

namespace PortForward.Fuzzing.Support;

/// <summary>
/// A server's answers as text. Each begins with a line <c>> STATUS REASON</c>; headers may follow, and behind an empty line the body. A text without such a line
/// is the body of a 200.
/// </summary>
internal static class AnswerScript
{
    /// <summary>One answer.</summary>
    internal sealed record Answer(int Status, string Reason, IReadOnlyList<string> Headers, byte[] Body)
    {
        /// <summary>The answer as a server writes it, the connection's end being that of the body.</summary>
        public byte[] ToHttp() =>
            [.. Encoding.UTF8.GetBytes($"HTTP/1.1 {Status} {Reason}\r\n{string.Concat(Headers.Select(header => $"{header}\r\n"))}Connection: close\r\n\r\n"), .. Body];

        /// <summary>The answer as a handler gives it.</summary>
        public HttpResponseMessage ToMessage(Stream body)
        {
            var message = new HttpResponseMessage((HttpStatusCode)Status) { Content = new StreamContent(body) };
            if (Reason.All(c => c is not ('\r' or '\n' or '\0')))
            {
                message.ReasonPhrase = Reason;
            }

            foreach (string[] header in Headers.Select(header => header.Split(':', 2)).Where(header => header.Length == 2))
            {
                _ = message.Headers.TryAddWithoutValidation(header[0], header[1]) || message.Content.Headers.TryAddWithoutValidation(header[0], header[1]);
            }

            return message;
        }
    }

    /// <summary>Reads the answers; at least one.</summary>
    public static IReadOnlyList<Answer> Read(FuzzInput input)
    {
        var answers = new List<Answer>();
        ReadOnlySpan<byte> rest = input.Bytes;
        do
        {
            int next = rest[Math.Min(1, rest.Length)..].IndexOf("\n> "u8);
            ReadOnlySpan<byte> one = next < 0 ? rest : rest[..(next + 2)];
            rest = next < 0 ? [] : rest[(next + 2)..];
            answers.Add(ReadOne(one));
        }
        while (!rest.IsEmpty);
        return answers;
    }

    private static Answer ReadOne(ReadOnlySpan<byte> answer)
    {
        if (!answer.StartsWith("> "u8))
        {
            return new Answer(200, "OK", [], answer.ToArray());
        }

        int end = answer.IndexOf("\n\n"u8);
        string[] head = Encoding.UTF8.GetString(end < 0 ? answer : answer[..end]).Split('\n');
        string[] status = head[0][2..].Split(' ', 2);
        int code = int.TryParse(status[0], NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is >= 100 and <= 999 ? number : 200;
        return new Answer(code, status.Length > 1 ? status[1] : "", head[1..], end < 0 ? [] : answer[(end + 2)..].ToArray());
    }
}
