using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace PortForward.Cluster;

/// <summary>
/// Reads single fields of JSON that others wrote. A field that is missing, of another type, or no text at all (JSON may escape half of a surrogate pair, which
/// <see cref="JsonElement"/> takes for a mistake of its caller) is no field.
/// </summary>
internal static class JsonFields
{
    /// <summary>A text, or null.</summary>
    public static string? Text(JsonElement json, string name)
    {
        try
        {
            return TryFind(json, name, JsonValueKind.String, out JsonElement value) ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>A whole number, or null.</summary>
    public static int? Number(JsonElement json, string name) =>
        TryFind(json, name, JsonValueKind.Number, out JsonElement value) && value.TryGetInt32(out int number) ? number : null;

    /// <summary>An object, or null.</summary>
    public static JsonElement? Object(JsonElement json, string name) => TryFind(json, name, JsonValueKind.Object, out JsonElement value) ? value : null;

    /// <summary>A field of a type.</summary>
    public static bool TryFind(JsonElement json, string name, JsonValueKind kind, [MaybeNullWhen(false)] out JsonElement value)
    {
        value = default;
        try
        {
            return json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out value) && value.ValueKind == kind;
        }
        catch (InvalidOperationException)
        {
            return false; // The name of another field is no text.
        }
    }
}
