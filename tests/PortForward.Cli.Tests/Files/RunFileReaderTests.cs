using PortForward.Cli.Files;

namespace PortForward.Cli.Tests.Files;

/// <summary>A file of forwards as it is read, and what is said of its mistakes.</summary>
public sealed class RunFileReaderTests
{
    private const string Forward = "version: 1\nforwards:\n  db: { target: svc/db, ports: [\"5432\"] }\n";

    [Fact]
    public void All_that_it_says_is_read()
    {
        RunFile file = Read("""
            # yaml-language-server: $schema=pf.schema.json
            version: 1
            context: kind-dev
            namespace: ${NAMESPACE:-shop}
            address: 127.0.0.2,localhost
            forwards:
              db:  { target: svc/postgres, ports: ["5432"] }
              web: { target: deploy/web, ports: ["8080:http", "${METRICS}:metrics"], groups: [front, all] }
              other:
                target: pod/other   # a comment
                ports:
                  - :5433
                  - "[::1]:80:80"
                namespace: 'it''s'
                context: other
                address: localhost
                groups:
                  - all
            env:
              DATABASE_URL: "postgres://app@{{db.addr}}/shop"
              PLAIN: http://{{web.http.addr}}/x
              BRACES: "${BRACES}"
              LITERAL: "$5 $$ $${x}"
            """);

        (file.Context!.Text, file.Namespace!.Text, file.Address!.Text).Should().Be(("kind-dev", "shop", "127.0.0.2,localhost"));
        file.Forwards.Select(forward => $"{forward.Name} {forward.Target} {string.Join(' ', forward.Ports.Select(port => port.Text))}").Should().Equal(
            "db svc/postgres 5432", "web deploy/web 8080:http 9090:metrics", "other pod/other :5433 [::1]:80:80");
        (file.Forwards[2].Namespace!.Text, file.Forwards[2].Context!.Text, file.Forwards[2].Address!.Text).Should().Be(("it's", "other", "localhost"));
        file.Groups.Should().Equal("front", "all");
        file.Variables.Select(variable => $"{variable.Name}={string.Concat(variable.Value.Select(part => part.Forward is null ? part.Text : $"<{part.Text}>"))}").Should().Equal(
            "DATABASE_URL=postgres://app@<{{db.addr}}>/shop", "PLAIN=http://<{{web.http.addr}}>/x", "BRACES={{nobody.addr}}", "LITERAL=$5 $$ ${x}");
    }

    [Fact]
    public void Every_mistake_of_a_file_is_told_with_its_place_in_their_order() =>
        WrongIn(EveryMistake.Text).Should().Equal(EveryMistake.Told.Select(told => $"pf.yaml:{told}"));

    [Theory]
    [InlineData("", "1:1: the file is empty: pf init writes one")]
    [InlineData("# nothing\n", "1:1: the file is empty: pf init writes one")]
    [InlineData("- a\n", "1:1: the file is a mapping, with version and forwards as its keys")]
    [InlineData("forwards: { a: { target: svc/a, ports: [\"1\"] } }", "1:1: the version is missing: begin with version: 1")]
    [InlineData("version: 2\nfroward: 1\n", "1:10: the version is 1, the only one that this pf knows: write version: 1, without quotes")]
    [InlineData("version: \"1\"\n", "1:10: the version is 1, the only one that this pf knows: write version: 1, without quotes")]
    [InlineData("version: 1\n", "1:1: forwards is missing: it has a key for each forward, such as db: { target: svc/postgres, ports: [\"5432\"] }")]
    [InlineData("version: 1\nforwards: {}\n", "2:11: forwards has no forward, such as db: { target: svc/postgres, ports: [\"5432\"] }")]
    [InlineData("version: 1\nforwards:\n  db:\n", "3:3: db is a mapping, such as { target: svc/postgres, ports: [\"5432\"] }")]
    [InlineData("version: 1\nforwards:\n  db: svc/db\n", "3:7: db is a mapping, such as { target: svc/postgres, ports: [\"5432\"] }")]
    [InlineData("version: 1\nforwards:\n  db: { target: svc/db }\n", "3:3: db has no ports, such as ports: [\"8080:80\"]")]
    [InlineData("version: 1\nforwards:\n  db: { target: svc/db, ports: [] }\n", "3:32: ports has no port, such as [\"8080:80\"]")]
    [InlineData("version: 1\nforwards:\n  db: { target: db=svc/db, ports: [\"1\"] }\n", "3:17: db=svc/db: the name is the key of the forward here")]
    [InlineData("version: 1\nforwards:\n  db: { target: svc/db@x, ports: [\"1\"] }\n", "3:17: svc/db@x: a namespace has a key of its own here, namespace")]
    [InlineData("version: 1\nforwards:\n  db: { target: secret/db, ports: [\"1\"] }\n",
        "3:17: a secret has no pods to forward to; use pod, service, deployment, replicaset, statefulset, daemonset, job or replicationcontroller")]
    [InlineData("version: 1\nforwards:\n  db: { target: svc/db, ports: [\"1\"], groups: [db] }\n", "3:3: db is the name of a group, too: pf up db could mean both")]
    [InlineData("version: 1\nversion: 1\nforwards:\n  db: { target: svc/db, ports: [\"1\"] }\n", "2:1: version is there twice: line 1 has it already")]
    [InlineData(Forward + "kubeconfig: /x\n", "4:1: unknown key kubeconfig: no file says how to reach a cluster; use the flag --kubeconfig")]
    [InlineData(Forward + "command: rm\n", "4:1: unknown key command: no file runs a command; use pf up -- COMMAND")]
    [InlineData(Forward + "namespace: null\n", "4:12: null is nothing in YAML: put it in quotes, \"null\"")]
    [InlineData(Forward + "namespace:\n", "4:11: namespace is a text, and nothing is written here")]
    [InlineData(Forward + "namespace: \"\"\n", "4:12: namespace is empty")]
    [InlineData(Forward + "namespace: \"${EMPTY}\"\n", "4:12: namespace is empty")]
    [InlineData(Forward + "namespace: a/b\n", "4:12: invalid namespace \"a/b\": [may not contain '/']")]
    [InlineData(Forward + "namespace: one\n  two\n", "4:12: this is another text in YAML than what is written: put it in quotes, \"one two\"")]
    [InlineData(Forward + "namespace: &x shop\n", "4:12: anchors (&) are not taken: every value is written where it counts; a text that begins with & has quotes")]
    [InlineData(Forward + "namespace: *x\n", "4:12: aliases (*) are not taken: every value is written where it counts; a text that begins with * has quotes")]
    [InlineData(Forward + "namespace: !!str 5\n", "4:12: tags (!) are not taken: a text has quotes")]
    [InlineData(Forward + "namespace: @shop\n", "4:12: @shop is no text without quotes: write \"@shop\"")]
    [InlineData(Forward + "address: 10.0.0\n", "4:10: 10.0.0 is not a valid IP")]
    [InlineData(Forward + "---\nversion: 1\n", "4:1: a second document begins here: a file has one")]
    [InlineData(Forward + "env: { A: http://{{db.addr}}/x, B: b }\n", "4:11: http://{{db.addr}}/x is no text without quotes: write \"http://{{db.addr}}/x\"")]
    [InlineData(Forward + "env: { A: ${HOME} }\n", "4:11: ${HOME} is no text without quotes: write \"${HOME}\"")]
    [InlineData(Forward + "env:\n  - A=b\n", "5:3: env is a mapping from variables to texts, such as DATABASE_URL: \"postgres://{{db.addr}}/shop\"")]
    [InlineData(Forward + "env: { \"A=B\": c }\n", "4:8: A=B is no name for a variable: it has letters, digits, '_' and '.', and begins with no digit")]
    [InlineData(Forward + "env: { A: b, a: c }\n", "4:14: a is there twice: line 4 has it already")]
    [InlineData(Forward + "env: { A: \"{{db.addr\" }\n", "4:12: {{ is not closed: write {{NAME.addr}}")]
    [InlineData(Forward + "env: { A: \"{{ a.port }}\" }\n", "4:12: {{ a.port }}: write {{a.port}}, without spaces")]
    [InlineData(Forward + "env: { A: \"{{web.addr}}\" }\n", "4:12: {{web.addr}}: there is no forward web in the file")]
    [InlineData(Forward + "env: { A: \"x ${B\" }\n", "4:14: ${ is not closed: write ${VAR} or ${VAR:-default}, and $${ for ${ itself")]
    [InlineData(Forward + "env: { A: \"${B-c}\" }\n", "4:12: ${B-c} is no variable: write ${VAR} or ${VAR:-default}, and $${ for ${ itself")]
    [InlineData(Forward + "env: { A: \"${B:-${C}}\" }\n", "4:12: ${B:-${C} is no variable: write ${VAR} or ${VAR:-default}, and $${ for ${ itself")]
    [InlineData(Forward + "env: { A: \"x\\0PATH=y\" }\n", "4:11: A has a control character, U+0000: leave it out")]
    [InlineData(Forward + "env: { A: \"x\\e[2J\" }\n", "4:11: A has a control character, U+001B: leave it out")]
    [InlineData(Forward + "env: { \"A\\0B\": x }\n", "4:8: a variable has a control character, U+0000: leave it out")]
    [InlineData(Forward + "namespace: \"shop\\0\"\n", "4:12: namespace has a control character, U+0000: leave it out")]
    [InlineData(Forward + "context: \"a\\nb\"\n", "4:10: context has a control character, U+000A: leave it out")]
    [InlineData("version: 1\nforwards:\n  db: { target: svc/db, ports: [\"unix:a\\0b:80\"] }\n", "3:33: a port has a control character, U+0000: leave it out")]
    [InlineData("version: 1\nforwards:\n  db: { target: \"svc/d\\x85b\", ports: [\"80\"] }\n", "3:17: target has a control character, U+0085: leave it out")]
    [InlineData("version: 1\nforwards:\n  \"d\\0b\": { target: svc/db, ports: [\"80\"] }\n", "3:3: a name has a control character, U+0000: leave it out")]
    [InlineData("version: 1\nforwards:\n  db: { target: svc/db, ports: [\"80\"], groups: [\"a\\0\"] }\n", "3:49: a group has a control character, U+0000: leave it out")]
    [InlineData("version: 1\nforwards:\n  db: { target: \"${SECRET}\", ports: [\"80\"] }\n", "3:17: ${SECRET} is no target once the environment has filled it in")]
    [InlineData("version: 1\nforwards:\n  db: { target: \"svc/${SECRET}\", ports: [\"80\"] }\n", "3:17: svc/${SECRET} is no target once the environment has filled it in")]
    [InlineData("version: 1\nforwards:\n  db: { target: svc/db, ports: [\"${SECRET}\"] }\n", "3:33: ${SECRET} is no port once the environment has filled it in")]
    [InlineData(Forward + "namespace: ${SECRET}\n", "4:12: ${SECRET} is no namespace once the environment has filled it in")]
    [InlineData(Forward + "namespace: ${LINES}\n", "4:12: ${LINES} is no text for namespace once the environment has filled it in")]
    [InlineData(Forward + "address: 127.0.0.1,${SECRET}\n", "4:10: 127.0.0.1,${SECRET} is no address once the environment has filled it in")]
    public void A_mistake_is_one_sentence_with_its_place(string text, string told) => WrongIn(text).Should().Equal($"pf.yaml:{told}");

    [Fact]
    public void A_value_of_env_may_have_lines_and_tabs() =>
        Read(Forward + "env:\n  A: |\n    one\n    x\ttwo\n  B: \"a\\tb\\r\\n\"\n").Variables.Select(static variable => variable.Value[^1].Text).Should().Equal("one\nx\ttwo\n", "a\tb\r\n");

    [Theory]
    [InlineData("8080:80", "${PORT}:80", "4:33: the local port of ${PORT}:80 is a's already, on line 3: give one of them another, or any free one")]
    [InlineData("unix:x:80", "unix:${X}:80", "4:33: the socket unix:${X}:80 is a's already, on line 3: give one of them another")]
    [InlineData(":b-c", ":${NAME}", "4:3: a (line 3) and a-b would both set the same variable: give one of them another name")]
    public void What_the_environment_has_filled_in_is_not_told_when_it_collides(string one, string other, string told)
    {
        string[] lines = WrongIn($"version: 1\nforwards:\n  a: {{ target: svc/a, ports: [\"{one}\"] }}\n  a-b: {{ target: svc/b, ports: [\"{other}\"] }}\n");

        lines.Should().Equal($"pf.yaml:{told}");
    }

    [Theory]
    [InlineData("${DB:-{{db.addr}}}", "<{{db.addr}}>")]
    [InlineData("x${DB:-{{db.host}}:{{db.port}}/y}z", "x<{{db.host}}>:<{{db.port}}>/yz")]
    [InlineData("${METRICS:-{{db.addr}}}/", "9090/")]
    [InlineData("${BRACES:-x}", "{{nobody.addr}}")]
    [InlineData("{{{{.Name}} {{db.port}}", "{{.Name}} <{{db.port}}>")]
    [InlineData("${DB:-{{{{x}}}", "{{x}}")]
    public void A_default_is_a_text_of_the_file_and_four_braces_are_two(string value, string read) =>
        string.Concat(Read($"{Forward}env: {{ A: \"{value}\" }}\n").Variables[0].Value.Select(part => part.Forward is null ? part.Text : $"<{part.Text}>")).Should().Be(read);

    [Fact]
    public void A_template_of_a_default_names_a_forward_of_the_file() =>
        WrongIn(Forward + "env: { A: \"${B:-{{web.addr}}}\", B: \"${B:-{{x}\" }\n").Should().Equal(
            "pf.yaml:4:17: {{web.addr}}: there is no forward web in the file",
            "pf.yaml:4:37: ${ is not closed: write ${VAR} or ${VAR:-default}, and $${ for ${ itself");

    [Fact]
    public void What_the_environment_has_filled_in_is_shown_as_it_was_written()
    {
        RunFile file = Read(Forward + "namespace: \"n-${METRICS}\"\ncontext: \"${CONTEXT:-kind}\"\n");

        (file.Namespace!.Text, file.Namespace.Shown).Should().Be(("n-9090", "n-${METRICS}"));
        (file.Context!.Text, file.Context.Shown).Should().Be(("kind", "kind"));
    }

    [Theory]
    [InlineData("0.0.0.0:8080:80", "127.0.0.1:8080:80", true)]
    [InlineData("0.0.0.0:8080:80", "[::1]:8080:80", false)]
    [InlineData("127.0.0.2:8080:80", "127.0.0.3:8080:80", false)]
    [InlineData("127.0.0.2:8080:80", "8080:80", false)]
    [InlineData("8080:80", "[::1]:8080:80", true)]
    [InlineData("8080:80", "8080-8090:80", false)]
    [InlineData(":80", ":80", false)]
    [InlineData("80", "80:http", true)]
    [InlineData("http", "http", false)]
    public void A_local_port_is_given_once_where_both_would_listen(string one, string other, bool isTwice)
    {
        string text = $"version: 1\nforwards:\n  a: {{ target: svc/a, ports: [\"{one}\"] }}\n  b: {{ target: svc/b, ports: [\"{other}\"] }}\n";

        WrongIn(text).Should().HaveCount(isTwice ? 1 : 0);
    }

    [Fact]
    public void What_comes_after_a_mistake_of_the_writing_is_read_as_far_as_that_is_possible()
    {
        WrongIn("version: 1\nforwrds:\n  a: b\nforwards:\n  db: { target: svc/db, ports: [\"1\" }\n").Should().Equal(
            "pf.yaml:2:1: unknown key forwrds: did you mean forwards?",
            "pf.yaml:5:37: this is no YAML: While parsing a flow sequence, did not find expected ',' or ']'");
    }

    [Fact]
    public void A_file_with_mistakes_without_number_is_told_in_fifty_lines()
    {
        string[] wrong = WrongIn(Forward + string.Concat(Enumerable.Range(0, 100).Select(number => $"key{number}: x\n")));

        wrong.Should().HaveCount(51).And.EndWith("pf.yaml has 50 more mistakes");
    }

    [Theory]
    [InlineData("a deep list", "", "[", 200_000)]
    [InlineData("a deep mapping", "", "{a: ", 200_000)]
    [InlineData("deep blocks", "", "- ", 200_000)]
    [InlineData("a long list", "version: 1\nforwards: [", "a, ", 200_000)]
    [InlineData("many forwards", "version: 1\nforwards:\n", "  a#: { target: svc/a, ports: [\"#:80\"] }\n", 15_000)]
    [InlineData("many ports", "version: 1\nforwards:\n  a:\n    target: svc/a\n    ports:\n", "    - \"127.0.#.1:1:80\"\n", 40_000)]
    [InlineData("many mistakes", "version: 1\nforwards:\n", "  - [::1]:80:80\n", 50_000)]
    [InlineData("many tabs", "version: 1\n", "\ta: b\n", 100_000)]
    [InlineData("many laughs", "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n", "c: [*b, *b, *b, *b, *b]\n", 30_000)]
    [InlineData("brackets behind a colon", "a: b: ", "[", 1_000_000)]
    [InlineData("brackets in quotes", "a: [", "[\"[\"], ", 130_000)]
    [InlineData("a long unknown key", "version: 1\n", "k", 1_000_000)]
    [InlineData("many wrong templates", "version: 1\nforwards: { abcdefghijklmn: { target: svc/a, ports: [\"1\"] } }\nenv:\n  A: \"", "{{#.x}}", 80_000)]
    [InlineData("open defaults", "version: 1\nenv:\n  A: \"", "${A:-{{} ", 110_000)]
    public void No_file_takes_long(string what, string start, string repeated, int times)
    {
        IEnumerable<string> numbers = Enumerable.Range(0, times).Select(static number => number.ToString(System.Globalization.CultureInfo.InvariantCulture));
        string text = start + string.Concat(numbers.Select(number => repeated.Replace("#", number, StringComparison.Ordinal)));

        Action reading = () => WrongIn(text);

        // Each takes two seconds at most of a machine that does nothing else, and work that grows with the square of the size takes many minutes.
        reading.ExecutionTime().Should().BeLessThan(TimeSpan.FromMinutes(2), what);
    }

    [Theory]
    [InlineData("22:22", "a number")]
    [InlineData("8080:59", "a number")]
    [InlineData("8080:80", null)]
    [InlineData("1:2:3", "a number")]
    [InlineData("127.0.0.1", null)]
    [InlineData("5432", "a number")]
    [InlineData("-1", "a number")]
    [InlineData("1_000", "a number")]
    [InlineData("0o17", "a number")]
    [InlineData("0x1F", "a number")]
    [InlineData("1e3", "a number")]
    [InlineData("1.5", "a number")]
    [InlineData(".5", "a number")]
    [InlineData(".inf", "a number")]
    [InlineData("1.2.3", null)]
    [InlineData("e3", null)]
    [InlineData("8000-8010:80", null)]
    [InlineData(":5432", null)]
    [InlineData("http", null)]
    [InlineData("yes", "a truth value")]
    [InlineData("On", "a truth value")]
    [InlineData("OFF", "a truth value")]
    [InlineData("yEs", null)]
    [InlineData("~", "nothing")]
    [InlineData("", "nothing")]
    [InlineData("null", "nothing")]
    [InlineData("2026-01-31", "a date")]
    [InlineData("2026-01-31T10:00:00Z", "a date")]
    [InlineData("svc/web", null)]
    [InlineData("y", "a truth value")]
    [InlineData("N", "a truth value")]
    [InlineData("nn", null)]
    public void What_some_reader_of_YAML_takes_for_something_else_needs_quotes(string text, string? other) => PlainText.Otherwise(text).Should().Be(other);

    private static string[] WrongIn(string text)
    {
        try
        {
            Read(text);
            return [];
        }
        catch (FileException e)
        {
            return [.. e.Lines];
        }
    }

    private static RunFile Read(string text) => RunFileReader.Read(new FileText("pf.yaml", "/folder", text, IsNamed: true), name => name switch
    {
        "METRICS" => "9090",
        "BRACES" => "{{nobody.addr}}",
        "EMPTY" => "",
        "SECRET" => "h/u/n@ter2%",
        "LINES" => "hunter\n2",
        "PORT" => "8080",
        "X" => "x",
        "NAME" => "c",
        _ => null,
    });
}
