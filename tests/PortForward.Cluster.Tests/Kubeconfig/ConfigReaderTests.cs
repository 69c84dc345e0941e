using System.Diagnostics;
using System.Text;
using PortForward.Cluster.Kubeconfig;
using YamlDotNet.Core;

namespace PortForward.Cluster.Tests.Kubeconfig;

public class ConfigReaderTests
{
    [Fact]
    public void Scalars_know_where_they_are_and_how_they_are_written()
    {
        const string Text = "a: plain\r\nb: 'quoted'\r\nc: \"doubly\"\r\n";

        var root = (ConfigMapping)ConfigReader.Read(Text)!;

        foreach ((string key, string value, string source, bool isPlain) in new[] { ("a", "plain", "plain", true), ("b", "quoted", "'quoted'", false), ("c", "doubly", "\"doubly\"", false) })
        {
            var scalar = (ConfigScalar)root.Fields[key];
            scalar.Value.Should().Be(value);
            scalar.IsPlain.Should().Be(isPlain);
            Text[scalar.Start..scalar.End].Should().Be(source);
        }
    }

    [Fact]
    public void An_alias_is_the_node_of_its_anchor()
    {
        var root = (ConfigMapping)ConfigReader.Read("a: &x {k: v}\nb: *x\n")!;

        root.Fields["b"].Should().BeSameAs(root.Fields["a"]);
    }

    [Fact]
    public void A_merge_key_adds_what_is_not_there_and_the_first_source_wins()
    {
        var root = (ConfigMapping)ConfigReader.Read("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2, d: 2}\nz:\n  <<: [*x, *y]\n  d: 3\n")!;

        var merged = (ConfigMapping)root.Fields["z"];
        merged.Fields.Keys.Select(key => $"{key}{merged.Text(key)}").Should().BeEquivalentTo("a1", "b1", "c2", "d3");
    }

    [Fact]
    public void The_last_of_equal_keys_counts_as_for_kubectl() =>
        ((ConfigMapping)ConfigReader.Read("a: 1\na: 2\n")!).Text("a").Should().Be("2");

    [Fact]
    public void Only_the_first_document_counts_as_for_kubectl() =>
        ((ConfigMapping)ConfigReader.Read("a: 1\n---\na: 2\n---\n{{{")!).Text("a").Should().Be("1");

    [Theory]
    [InlineData("")]
    [InlineData("# nothing but a comment\n")]
    [InlineData("---\n")]
    [InlineData("---\n---\n")]
    [InlineData("null\n")]
    [InlineData("~")]
    public void A_text_without_content_is_nothing(string text) => ConfigReader.Read(text).Should().BeNull();

    [Theory]
    [InlineData("a: &x [*x]", "*before or inside the anchor*")]
    [InlineData("a: &x\n  b: *x", "*before or inside the anchor*")]
    [InlineData("&x {? *x : 1}", "*before or inside the anchor*")]
    [InlineData("a: *nowhere", "*before or inside the anchor*")]
    [InlineData("? [a]\n: b", "*a key is no text*")]
    [InlineData("a:\n  <<: text\n", "*merge key*")]
    [InlineData("a: [1, 2", "*")]
    [InlineData("a: \"open", "*")]
    [InlineData("a:\n\t- tab\n", "*tab*")]
    public void A_text_that_is_no_tree_is_refused(string text, string message)
    {
        Action read = () => ConfigReader.Read(text);

        read.Should().Throw<YamlException>().WithMessage(message);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    public void A_deep_text_is_refused_before_it_exhausts_the_stack(string level)
    {
        string text = string.Concat(Enumerable.Repeat(level, 100_000));

        Action read = () => ConfigReader.Read(text);

        read.Should().Throw<YamlException>().WithMessage("*nested more than 64 levels deep*");
    }

    [Fact]
    public void Aliases_of_aliases_cost_no_more_than_their_text()
    {
        var text = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 1000; i++)
        {
            text.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        }

        long before = GC.GetAllocatedBytesForCurrentThread();

        ConfigReader.Read(text.ToString()).Should().NotBeNull("10 to the power of 1000 nodes are 10,000 here");

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(50_000_000);
    }

    [Fact]
    public void Merge_keys_that_add_up_are_refused()
    {
        var text = new StringBuilder("a0: &a0 {k0: v}\n");
        for (int i = 1; i < 3000; i++)
        {
            text.Append($"a{i}: &a{i}\n  <<: *a{i - 1}\n  k{i}: v\n");
        }

        Action read = () => ConfigReader.Read(text.ToString());

        read.Should().Throw<YamlException>().WithMessage("*more than 1000000 values*");
    }

    [Fact]
    public void Json_is_read_as_it_is()
    {
        var root = (ConfigMapping)ConfigReader.Read("{\n\t\"a\":{\"b\":\"x\\/y \\uD83D\\uDE00\\n\"},\n\t\"c\":[1,true,null],\"d\":\"\"}")!;

        ((ConfigMapping)root.Fields["a"]).Text("b").Should().Be("x/y 😀\n");
        ((ConfigList)root.Fields["c"]).Items.Cast<ConfigScalar>().Select(item => item.Value).Should().Equal("1", "true", "null");
        root.Text("d").Should().BeNull();
    }

    [Fact]
    public void A_text_that_has_been_tampered_with_is_read_or_refused_and_nothing_else()
    {
        const string Intact = "apiVersion: v1\nkind: Config\nusers:\n- name: &n u\n  user: {token: 'abc', exec: {args: [a, \"b\"], env: &e [{name: x}]}}\n- <<: {a: *e}\n  x: |\n    text\n  y: >-\n    folded\n? z\n: !!str 1\n";
        int seed = Environment.TickCount;
        var random = new Random(seed);
        var clock = Stopwatch.StartNew();
        for (int round = 0; round < 3000; round++)
        {
            var text = new StringBuilder(Intact);
            for (int change = random.Next(1, 6); change > 0 && text.Length > 1; change--)
            {
                const string Signs = "{}[]:-,&*!|>'\"%@`#?<~\n\t\r\u0001\u0085\ufeffax0 ";
                int at = random.Next(text.Length);
                switch (random.Next(4))
                {
                    case 0: text[at] = Signs[random.Next(Signs.Length)]; break;
                    case 1: text.Insert(at, Signs[random.Next(Signs.Length)]); break;
                    case 2: text.Remove(at, Math.Min(text.Length - at, random.Next(1, 5))); break;
                    default: text.Length = Math.Max(1, at); break;
                }
            }

            try
            {
                ConfigReader.Read(text.ToString());
            }
            catch (YamlException)
            {
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}, round {round}: {text}", e);
            }
        }

        clock.Elapsed.Should().BeLessThan(TimeSpan.FromMinutes(1));
    }
}
