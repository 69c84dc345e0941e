using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using PortForward.Cluster.Kubeconfig;

namespace PortForward.Cluster.Tests.Kubeconfig;

public class ConfigJsonTests
{
    [Theory]
    [InlineData("{a: 1, b: -2, c: 0x1f, d: 0o17, e: 017, f: +3}", """{"a":1,"b":-2,"c":31,"d":15,"e":15,"f":3}""")]
    [InlineData("{a: 09, b: 0189}", """{"a":9,"b":189}""")]
    [InlineData("{a: 1.5, b: 1e3, c: .5, d: -0.25}", """{"a":1.5,"b":1000,"c":0.5,"d":-0.25}""")]
    [InlineData("{a: true, b: no, c: ON, d: 'true', e: \"1\"}", """{"a":true,"b":false,"c":true,"d":"true","e":"1"}""")]
    [InlineData("{a: , b: null, c: ~, d: '', e: []}", """{"a":null,"b":null,"c":null,"d":"","e":[]}""")]
    [InlineData("{a: 1.2.3, b: 06e3fbd18de8, c: 1-2, d: 0o9, e: 0x, f: '-', g: 1e999, h: '+'}", """{"a":"1.2.3","b":"06e3fbd18de8","c":"1-2","d":"0o9","e":"0x","f":"-","g":"1e999","h":"+"}""")]
    [InlineData("[text, \"l\\u00e4\", {x: [y]}]", """["text","lä",{"x":["y"]}]""")]
    public void Values_keep_the_type_that_yaml_gives_them(string yaml, string json) => JsonOf(yaml).Should().Be(json);

    [Theory]
    [InlineData("{a: 00, b: 0, c: -0, d: 12345678901234567890123}")]
    [InlineData("[1_000, 1:30, 0b11, .inf, .nan, -.5, 1., 1.e, e1, ., +]")]
    public void Whatever_looks_like_a_number_leads_to_valid_json(string yaml)
    {
        Action parse = () => JsonDocument.Parse(JsonOf(yaml)).Dispose();

        parse.Should().NotThrow();
    }

    [Fact]
    public void Aliases_of_aliases_that_would_grow_without_end_are_refused()
    {
        var text = new StringBuilder("a0: &a0 [x, x, x, x]\n");
        for (int i = 1; i < 40; i++)
        {
            text.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 4))}]\n");
        }

        Action write = () => JsonOf(text.ToString());

        write.Should().Throw<ClusterException>().WithMessage("*of cluster \"c\" is too large*");
    }

    [Fact]
    public void Aliases_of_aliases_that_would_grow_deep_are_refused()
    {
        var text = new StringBuilder("a0: &a0 []\n");
        for (int i = 1; i < 50_000; i++)
        {
            text.Append($"a{i}: &a{i} [*a{i - 1}]\n");
        }

        var root = (ConfigMapping)ConfigReader.Read(text.ToString())!;

        Action write = () => Write(root.Fields["a49999"]);

        write.Should().Throw<ClusterException>().WithMessage("*too large*");
    }

    private static string JsonOf(string yaml) => Write(ConfigReader.Read(yaml));

    private static string Write(ConfigNode? node)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            ConfigJson.Write(writer, node, "cluster \"c\"");
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
