using System.Text.Json;
using PortForward.Cli.Files;

namespace PortForward.Cli.Tests.Files;

/// <summary>
/// The schema that editors check a file by, and the program: what the schema refuses the program refuses too, and what the program takes the schema takes.
/// </summary>
public sealed class SchemaTests
{
    private static readonly CheckedSchema Schema = new(JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "pf.schema.json"))).RootElement);

    [Theory]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"] } }")]
    [InlineData("version: 1\nforwards:\n  db.x-y_z:\n    target: deployments.v1.apps/web\n    ports: [\":http\", 8080:http, \"[::1]:80:80\", \"8000-8010:80\"]\n    groups: [a, b.c]\n    context: x\n    namespace: \"y\"\n    address: ::1")]
    [InlineData("version: 1\nforwards: { db: { target: \"${TARGET:-svc/db}\", ports: [\"${PORT:-1}\"], groups: [] } }\nenv: {}")]
    [InlineData("version: 1\ncontext: c\nnamespace: \"n\"\naddress: \"127.0.0.1,localhost\"\nforwards: { db: { target: pod/db, ports: [\"1\"] } }\nenv: { A: \"\", B_1.c: \"{{db.addr}} {{db.1.port}}\", \"ON\": \"x\" }")]
    public void Both_take_it(string text)
    {
        WrongIn(text).Should().BeEmpty();
        Schema.Takes(text).Should().BeTrue();
    }

    [Theory]
    [InlineData("version: 2\nforwards: { db: { target: svc/db, ports: [\"5432\"] } }")]
    [InlineData("version: \"1\"\nforwards: { db: { target: svc/db, ports: [\"5432\"] } }")]
    [InlineData("forwards: { db: { target: svc/db, ports: [\"5432\"] } }")]
    [InlineData("version: 1")]
    [InlineData("version: 1\nforwards: {}")]
    [InlineData("version: 1\nforwards: []")]
    [InlineData("version: 1\nforwards:\n  db:")]
    [InlineData("version: 1\nforwards: { db: { ports: [\"5432\"] } }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db } }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [] } }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [5432] } }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: \"5432\" } }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"\"] } }")]
    [InlineData("version: 1\nforwards: { db: { target: db, ports: [\"5432\"] } }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db@x, ports: [\"5432\"] } }")]
    [InlineData("version: 1\nforwards: { db: { target: a=svc/db, ports: [\"5432\"] } }")]
    [InlineData("version: 1\nforwards: { db: { target: selector/app, ports: [\"5432\"] } }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/a/b, ports: [\"5432\"] } }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"], prots: [] } }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"], groups: front } }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"], groups: [1] } }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"], groups: [\"a b\"] } }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"], namespace: null } }")]
    [InlineData("version: 1\nforwards: { 1db: { target: svc/db, ports: [\"5432\"] } }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"] } }\nkubeconfig: x")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"] } }\nnamespace: 5")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"] } }\nenv: { A: 5 }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"] } }\nenv: { A: {{db.addr}} }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"] } }\nenv: { PF_A: x }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"] } }\nenv: { \"A-B\": x }")]
    [InlineData("version: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"] } }\nenv: [A]")]
    public void Both_refuse_it(string text)
    {
        Schema.Takes(text).Should().BeFalse();
        WrongIn(text).Should().NotBeEmpty();
    }

    [Fact]
    public void It_knows_the_keys_that_the_program_knows()
    {
        string unknown = WrongIn("version: 1\nxxxxxxxxxx: 1\nforwards: { db: { target: svc/db, ports: [\"5432\"], xxxxxxxxxx: 1 } }") is [var one, var other] ? one + other : "";
        JsonElement schema = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "pf.schema.json"))).RootElement;

        JsonElement forward = schema.GetProperty("$defs").GetProperty("forward");
        string[] keys = [.. ((JsonElement[])[schema, forward]).SelectMany(static one => one.GetProperty("properties").EnumerateObject()).Select(static key => key.Name)];

        keys.Should().HaveCount(12).And.OnlyContain(key => unknown.Contains(key, StringComparison.Ordinal));
    }

    private static IReadOnlyList<string> WrongIn(string text)
    {
        try
        {
            RunFileReader.Read(new FileText("pf.yaml", "/folder", text, IsNamed: true), static _ => null);
            return [];
        }
        catch (FileException e)
        {
            return e.Lines;
        }
    }
}
