using System.Text.Json.Nodes;

namespace PortForward.Testing.Api;

/// <summary>The documents by which clients learn what the server serves.</summary>
internal static class Discovery
{
    public static JsonObject Version(Version kubernetes) => new()
    {
        ["major"] = kubernetes.Major.ToString(),
        ["minor"] = kubernetes.Minor.ToString(),
        ["gitVersion"] = $"v{kubernetes.Major}.{kubernetes.Minor}.{Math.Max(0, kubernetes.Build)}",
        ["gitCommit"] = "",
        ["gitTreeState"] = "clean",
        ["buildDate"] = "2026-01-01T00:00:00Z",
        ["goVersion"] = "go1.25",
        ["compiler"] = "gc",
        ["platform"] = "linux/amd64",
    };

    public static JsonObject CoreVersions() => new()
    {
        ["kind"] = "APIVersions",
        ["versions"] = new JsonArray("v1"),
        ["serverAddressByClientCIDRs"] = new JsonArray(new JsonObject { ["clientCIDR"] = "0.0.0.0/0", ["serverAddress"] = "127.0.0.1" }),
    };

    public static JsonObject Groups() => new()
    {
        ["kind"] = "APIGroupList",
        ["apiVersion"] = "v1",
        ["groups"] = new JsonArray([.. NamedGroups().Select(group => (JsonNode)GroupObject(group))]),
    };

    public static JsonObject? Group(string name) => NamedGroups().Contains(name, StringComparer.Ordinal) ? GroupObject(name) : null;

    public static JsonObject? Resources(string group, string version)
    {
        var types = ResourceType.All.Where(type => type.Group == group && type.Version == version).ToArray();
        if (types.Length == 0)
            return null;

        var resources = new JsonArray();
        foreach (var type in types)
        {
            resources.Add(ResourceObject(type.Plural, type.Singular, type, ["create", "delete", "get", "list", "watch"]));
            if (type.Plural == "pods")
                resources.Add(ResourceObject("pods/portforward", "", type with { Kind = "PodPortForwardOptions", ShortNames = [] }, ["create", "get"]));
        }

        return new JsonObject
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = types[0].ApiVersion,
            ["resources"] = resources,
        };
    }

    private static IEnumerable<string> NamedGroups() => ResourceType.All.Select(type => type.Group).Where(group => group.Length > 0).Distinct(StringComparer.Ordinal);

    private static JsonObject GroupObject(string name)
    {
        JsonObject VersionObject() => new() { ["groupVersion"] = $"{name}/v1", ["version"] = "v1" };
        return new JsonObject
        {
            ["kind"] = "APIGroup",
            ["apiVersion"] = "v1",
            ["name"] = name,
            ["versions"] = new JsonArray(VersionObject()),
            ["preferredVersion"] = VersionObject(),
        };
    }

    private static JsonObject ResourceObject(string name, string singular, ResourceType type, string[] verbs)
    {
        var json = new JsonObject
        {
            ["name"] = name,
            ["singularName"] = singular,
            ["namespaced"] = type.Namespaced,
            ["kind"] = type.Kind,
            ["verbs"] = new JsonArray([.. verbs.Select(verb => (JsonNode)verb)]),
        };
        if (type.ShortNames.Length > 0)
            json["shortNames"] = new JsonArray([.. type.ShortNames.Select(name => (JsonNode)name)]);
        return json;
    }
}
