using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace PortForward.Cluster.Kubeconfig;

/// <summary>Writes pieces of a kubeconfig as JSON, for those who are handed them as they are.</summary>
internal static class ConfigJson
{
    /// <summary>What fits into an environment variable on Linux (128 KiB); a text with aliases of aliases can be made to exceed any memory.</summary>
    private const int MaxLength = 128 * 1024;

    private const int MaxDepth = 64;

    /// <summary>Writes a piece as a JSON value.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="node">The piece; null is written as null.</param>
    /// <param name="owner">Whose piece it is, for the message.</param>
    /// <exception cref="ClusterException">It is too large or too deep.</exception>
    public static void Write(Utf8JsonWriter writer, ConfigNode? node, string owner) => Write(writer, node, owner, depth: 0);

    private static void Write(Utf8JsonWriter writer, ConfigNode? node, string owner, int depth)
    {
        if (depth > MaxDepth || writer.BytesCommitted + writer.BytesPending > MaxLength)
        {
            throw new ClusterException($"the extension {ExtensionName} of {owner} is too large: a credential plug-in can be handed 128 KiB at most");
        }

        switch (node)
        {
            case ConfigMapping mapping:
                writer.WriteStartObject();
                foreach ((string key, ConfigNode value) in mapping.Fields)
                {
                    writer.WritePropertyName(key);
                    Write(writer, value, owner, depth + 1);
                }

                writer.WriteEndObject();
                break;
            case ConfigList list:
                writer.WriteStartArray();
                foreach (ConfigNode item in list.Items)
                {
                    Write(writer, item, owner, depth + 1);
                }

                writer.WriteEndArray();
                break;
            case ConfigScalar scalar:
                Write(writer, scalar);
                break;
            default:
                writer.WriteNullValue();
                break;
        }
    }

    /// <summary>The name of a cluster's extension that goes to the credential plug-in.</summary>
    public const string ExtensionName = "client.authentication.k8s.io/exec";

    private static void Write(Utf8JsonWriter writer, ConfigScalar scalar)
    {
        if (scalar.IsNull)
        {
            writer.WriteNullValue();
        }
        else if (scalar.Truth is { } truth)
        {
            writer.WriteBooleanValue(truth);
        }
        else if (scalar.IsPlain && Number(scalar.Value) is { } number)
        {
            writer.WriteRawValue(number);
        }
        else
        {
            writer.WriteStringValue(scalar.Value);
        }
    }

    /// <summary>The number that YAML takes a plain value for, in JSON's notation; null if it is none.</summary>
    private static string? Number(string text)
    {
        ReadOnlySpan<char> digits = text.AsSpan(text is ['-' or '+', ..] ? 1 : 0);
        string sign = text[0] == '-' ? "-" : "";
        if (digits is ['0', 'x', ..])
        {
            return ulong.TryParse(digits[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong hexadecimal) ? sign + hexadecimal : null;
        }

        if (digits is ['0', 'o', ..] or ['0', >= '0' and <= '7', ..] && !digits.ContainsAny('.', 'e', 'E')
            && Octal(digits.TrimStart('0').TrimStart('o')) is { } octal)
        {
            return sign + octal;
        }

        return digits is [>= '0' and <= '9', ..] or ['.', >= '0' and <= '9', ..] && !digits.ContainsAnyExcept(NumberCharacters)
            ? Decimal(sign, digits)
            : null;
    }

    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.eE+-");

    private static ulong? Octal(ReadOnlySpan<char> digits)
    {
        ulong value = 0;
        foreach (char digit in digits)
        {
            if (digit is < '0' or > '7' || value > ulong.MaxValue >> 3)
            {
                return null;
            }

            value = (value << 3) + (ulong)(digit - '0');
        }

        return value;
    }

    private static string? Decimal(string sign, ReadOnlySpan<char> digits)
    {
        bool isWhole = !digits.ContainsAny('.', 'e', 'E');
        if (isWhole && digits is not ['0', _, ..])
        {
            return digits.ContainsAny('+', '-') ? null : $"{sign}{digits}";
        }

        return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value)
            ? string.Create(CultureInfo.InvariantCulture, $"{sign}{value:R}")
            : null;
    }
}
