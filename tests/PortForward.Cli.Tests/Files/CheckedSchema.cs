using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace PortForward.Cli.Tests.Files;

/// <summary>A JSON schema, with those of its keywords that ours uses, and YAML as an editor gives it to one. A keyword that it does not know is a failure.</summary>
internal sealed class CheckedSchema(JsonElement root)
{
    /// <summary>Whether a text of YAML is as the schema wants it.</summary>
    public bool Takes(string yaml)
    {
        var parser = new Parser(new StringReader(yaml));
        parser.Consume<StreamStart>();
        parser.Consume<DocumentStart>();
        return Takes(JsonSerializer.SerializeToElement(Read(parser)), root);
    }

    private bool Takes(JsonElement value, JsonElement schema) => schema.EnumerateObject().All(keyword => keyword.Name switch
    {
        "$schema" or "title" or "description" or "examples" or "$defs" => true,
        "$ref" => Takes(value, root.GetProperty("$defs").GetProperty(keyword.Value.GetString()!["#/$defs/".Length..])),
        "const" => JsonElement.DeepEquals(value, keyword.Value),
        "type" => value.ValueKind == keyword.Value.GetString() switch
        {
            "object" => JsonValueKind.Object,
            "array" => JsonValueKind.Array,
            "string" => JsonValueKind.String,
            var other => throw new NotSupportedException(other),
        },
        "pattern" => value.ValueKind != JsonValueKind.String || Regex.IsMatch(value.GetString()!, keyword.Value.GetString()!, RegexOptions.ECMAScript, TimeSpan.FromSeconds(1)),
        "minLength" => value.ValueKind != JsonValueKind.String || value.GetString()!.Length >= keyword.Value.GetInt32(),
        "minItems" => value.ValueKind != JsonValueKind.Array || value.GetArrayLength() >= keyword.Value.GetInt32(),
        "minProperties" => value.ValueKind != JsonValueKind.Object || value.GetPropertyCount() >= keyword.Value.GetInt32(),
        "maxProperties" => value.ValueKind != JsonValueKind.Object || value.GetPropertyCount() <= keyword.Value.GetInt32(),
        "required" => value.ValueKind != JsonValueKind.Object || keyword.Value.EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _)),
        "items" => value.ValueKind != JsonValueKind.Array || value.EnumerateArray().All(item => Takes(item, keyword.Value)),
        "propertyNames" => value.ValueKind != JsonValueKind.Object
            || value.EnumerateObject().All(property => Takes(JsonSerializer.SerializeToElement(property.Name), keyword.Value)),
        "properties" => value.ValueKind != JsonValueKind.Object
            || value.EnumerateObject().All(property => !keyword.Value.TryGetProperty(property.Name, out JsonElement own) || Takes(property.Value, own)),
        "additionalProperties" => value.ValueKind != JsonValueKind.Object || value.EnumerateObject().Where(property => !IsNamed(schema, property.Name))
            .All(property => keyword.Value.ValueKind != JsonValueKind.False && Takes(property.Value, keyword.Value)),
        var unknown => throw new NotSupportedException(unknown),
    });

    private static bool IsNamed(JsonElement schema, string property) => schema.TryGetProperty("properties", out JsonElement named) && named.TryGetProperty(property, out _);

    private static JsonNode? Read(IParser parser)
    {
        if (parser.Accept<Scalar>(out _))
        {
            Scalar scalar = parser.Consume<Scalar>();
            return scalar.Style == ScalarStyle.Plain ? Core(scalar.Value) : JsonValue.Create(scalar.Value);
        }

        if (parser.TryConsume<SequenceStart>(out _))
        {
            var list = new JsonArray();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                list.Add(Read(parser));
            }

            return list;
        }

        var mapping = new JsonObject();
        parser.Consume<MappingStart>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            string key = Read(parser)?.ToString() ?? "";
            mapping[key] = Read(parser);
        }

        return mapping;
    }

    /// <summary>The core schema of YAML 1.2.</summary>
    private static JsonValue? Core(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => null,
        "true" or "True" or "TRUE" => JsonValue.Create(true),
        "false" or "False" or "FALSE" => JsonValue.Create(false),
        _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) => JsonValue.Create(number),
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number) => JsonValue.Create(number),
        _ => JsonValue.Create(text),
    };
}
